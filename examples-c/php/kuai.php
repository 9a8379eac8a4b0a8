<?php
/**
 * A small PHP class over libkuai: arrays in, arrays out, exceptions for failures.
 *
 * On the command line nothing needs to be set up. Under php-fpm `FFI::cdef` is refused by default; there, let php.ini load the
 * library before the first script, and this file works unchanged:
 *
 *     ffi.preload=/usr/local/include/kuai_preload.h
 *     opcache.enable=1
 *     opcache.preload=/path/to/preload.php        ; one line: <?php opcache_compile_file('/path/to/kuai.php');
 *     opcache.preload_user=www-data
 *
 * (A preloaded class must not be required again.)
 */
declare(strict_types=1);

/** What went wrong; the code is the KUAI_… status, `$error` the `error` object of the error document. */
final class KuaiError extends RuntimeException
{
    /** @var array<string, mixed> */
    public readonly array $error;

    public function __construct(int $status, string $document)
    {
        $this->error = json_decode($document, true)['error'] ?? ['message' => $document];
        parent::__construct((string) $this->error['message'], $status);
    }
}

final class Kuai
{
    private static ?FFI $library = null;
    private FFI\CData $client;

    /** @param array<string, mixed> $config null values of the configuration come from the environment */
    public function __construct(array $config = [])
    {
        $this->client = self::library()->kuai_client_new(self::json($config));
        $problem = self::library()->kuai_client_error($this->client);
        if ($problem !== null) {
            throw new KuaiError(self::library()->KUAI_CONFIG, $problem);
        }
    }

    public function __destruct()
    {
        if (isset($this->client)) {
            self::library()->kuai_client_free($this->client);
        }
    }

    /** Any operation, such as 'chat.completions.create', or 'POST /path'; its answer. */
    public function call(string $operation, array $params = []): array
    {
        $kuai = self::library();
        $result = $kuai->kuai_call($this->client, $operation, self::json($params), null);
        try {
            $status = $kuai->kuai_result_status($result);
            $json = $kuai->kuai_result_json($result);
        } finally {
            $kuai->kuai_result_free($result);
        }
        return self::answer($status, $json);
    }

    /** A chat completion; the answer. */
    public function chat(array $request): array
    {
        return $this->call('chat.completions.create', $request);
    }

    /** A chat completion piece by piece: yields each new text, and returns the whole answer. */
    public function stream(array $request): Generator
    {
        $kuai = self::library();
        $stream = $kuai->kuai_chat_stream($this->client, self::json($request));
        try {
            while (($status = $kuai->kuai_stream_next($stream)) === $kuai->KUAI_OK) {
                yield $kuai->kuai_stream_text($stream, null);
            }
            return self::answer($status, $kuai->kuai_result_json($kuai->kuai_stream_result($stream)));
        } finally { // also when the caller stops in the middle
            $kuai->kuai_stream_free($stream);
        }
    }

    /** The C functions themselves, for whatever this class does not do. */
    public static function library(): FFI
    {
        if (self::$library === null) {
            try {
                self::$library = FFI::scope('KUAI');
            } catch (FFI\Exception) { // not preloaded
                $header = getenv('KUAI_FFI_HEADER') ?: __DIR__ . '/../../include/kuai_ffi.h';
                self::$library = FFI::cdef(file_get_contents($header), getenv('KUAI_LIBRARY') ?: 'libkuai.so.0');
            }
        }
        return self::$library;
    }

    private static function answer(int $status, string $json): array
    {
        if ($status < 0) {
            throw new KuaiError($status, $json);
        }
        return json_decode($json, true, 1024, JSON_BIGINT_AS_STRING | JSON_THROW_ON_ERROR);
    }

    private static function json(array $value): string
    {
        return json_encode((object) $value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
    }
}

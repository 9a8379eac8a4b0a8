<?php
// PHP's FFI on the unchanged include/kuai_ffi.h:  php php.php kuai_ffi.h libkuai.so
declare(strict_types=1);

[, $header, $library] = $argv;
$kuai = FFI::cdef(file_get_contents($header), $library);

function check(bool $right, string $what): void
{
    if (!$right) {
        fwrite(STDERR, "not so: $what\n");
        exit(1);
    }
}

$question = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"请介绍一下你自己"}]}';
$client = $kuai->kuai_client_new(null);
check($kuai->kuai_client_error($client) === null, 'a usable client');

$result = $kuai->kuai_call($client, 'chat.completions.create', $question, null);
check($kuai->kuai_result_status($result) === $kuai->KUAI_OK, 'a call works');
check(str_starts_with($kuai->kuai_result_header($result, 'Content-Type'), 'application/json'), 'a header');
check($kuai->kuai_result_header($result, 'x-none') === null, 'an absent header is null');
$size = $kuai->new('size_t');
$text = $kuai->kuai_result_text($result, FFI::addr($size));
check($size->cdata === strlen($text), 'the size of the text');
$body = FFI::string($kuai->kuai_result_body($result, null), $kuai->kuai_result_body_size($result));
check(json_decode($body)->choices[0]->message->content === $text, 'the body is the answer');
$kuai->kuai_result_free($result);

$status = $kuai->new('kuai_status');
$answer = $kuai->kuai_chat_complete($client, $question, FFI::addr($status));
check($status->cdata === 0 && json_decode(FFI::string($answer))->choices[0]->message->content === $text, 'an owned string');
$kuai->kuai_string_free($answer);

$joined = '';
$stream = $kuai->kuai_chat_stream($client, $question);
while (($status = $kuai->kuai_stream_next($stream)) === $kuai->KUAI_OK) {
    $joined .= $kuai->kuai_stream_text($stream, null);
}
check($status === $kuai->KUAI_DONE && $joined === $text, 'the stream says the same');
$kuai->kuai_stream_free($stream);

$stream = $kuai->kuai_chat_stream($client, '{"messages":[]}');
check($kuai->kuai_stream_next($stream) === $kuai->KUAI_INVALID_ARGUMENT, 'a failure is a status');
$kuai->kuai_stream_free($stream);
$kuai->kuai_client_free($client);
echo $text, "\n";

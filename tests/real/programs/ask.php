<?php
// As ask.c:  php ask.php kuai_ffi.h libkuai.so CONFIG call|stream OPERATION PARAMS
declare(strict_types=1);

[, $header, $library, $config, $how, $operation, $params] = $argv;
$kuai = FFI::cdef(file_get_contents($header), $library);

function show(FFI $kuai, FFI\CData $result): void
{
    $document = json_decode($kuai->kuai_result_json($result), true);
    echo 'status: ', $kuai->kuai_status_name($kuai->kuai_result_status($result)), "\n";
    echo 'http: ', $kuai->kuai_result_http_status($result), "\n";
    echo 'type: ', $kuai->kuai_result_header($result, 'content-type') ?? '', "\n";
    echo 'text: ', $kuai->kuai_result_text($result, null), "\n";
    echo 'error: ', $document['error']['message'] ?? '', "\n";
    echo 'json: ', $kuai->kuai_result_json($result), "\n";
}

$client = $kuai->kuai_client_new($config);
if ($how === 'stream') {
    $request = $kuai->kuai_request_new($operation, $params, null);
    $stream = $kuai->kuai_open($client, $request);
    $events = 0;
    echo 'pieces: ';
    while ($kuai->kuai_stream_next($stream) === $kuai->KUAI_OK) {
        echo $kuai->kuai_stream_text($stream, null);
        $events++;
    }
    echo "\nseveral events: ", $events > 2 ? 'yes' : 'no', "\n";
    show($kuai, $kuai->kuai_stream_result($stream));
    $kuai->kuai_stream_free($stream);
    $kuai->kuai_request_free($request);
} else {
    $result = $kuai->kuai_call($client, $operation, $params, null);
    show($kuai, $result);
    $kuai->kuai_result_free($result);
}
$kuai->kuai_client_free($client);

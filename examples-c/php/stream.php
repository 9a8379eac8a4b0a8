<?php
/**
 * A streamed answer in PHP: each piece is shown as it comes.
 *
 *     KUAI_API_KEY=sk-... php stream.php
 */
declare(strict_types=1);

require __DIR__ . '/kuai.php';

try {
    $client = new Kuai();
    $pieces = $client->stream([
        'model' => 'gpt-4o-mini',
        'messages' => [
            ['role' => 'user', 'content' => '请介绍一下你自己'],
        ],
    ]);
    foreach ($pieces as $text) {
        echo $text;
        flush();
    }
    echo "\nfinish_reason: ", $pieces->getReturn()['choices'][0]['finish_reason'], "\n";
} catch (KuaiError $problem) {
    fprintf(STDERR, "%d: %s\n", $problem->getCode(), $problem->getMessage());
    exit(1);
}

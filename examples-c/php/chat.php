<?php
/**
 * The gateway's PHP example without curl: a question, an answer, the tokens that were used.
 *
 *     KUAI_API_KEY=sk-... php chat.php
 */
declare(strict_types=1);

require __DIR__ . '/kuai.php';

try {
    $client = new Kuai(['timeout_ms' => 300000]);
    $answer = $client->chat([
        'model' => 'gpt-4o-mini',
        'messages' => [
            ['role' => 'user', 'content' => '1+100='],
        ],
    ]);
    echo $answer['choices'][0]['message']['content'], "\n";
    echo 'tokens: ', $answer['usage']['total_tokens'] ?? 'unknown', "\n";
} catch (KuaiError $problem) {
    fprintf(STDERR, "%d: %s\n", $problem->getCode(), $problem->getMessage());
    exit(1);
}

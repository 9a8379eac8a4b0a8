//! async-openai doing the same on one thread: `async_openai_bench WHAT COUNT BASE_URL`.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessageArgs, ChatCompletionRequestUserMessageArgs,
    CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, count, base_url] = &arguments[..] else {
        panic!("async_openai_bench WHAT COUNT BASE_URL");
    };
    let count: usize = count.parse().expect("a number");
    let config = OpenAIConfig::new().with_api_base(base_url).with_api_key("sk-bench");
    let client = Client::with_config(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        match what.as_str() {
            "chat" => {
                for _ in 0..count {
                    chat(&client).await;
                }
            }
            "stream" => stream(&client, count).await,
            _ => panic!("what is {what}?"),
        }
    });
}

fn request(model: &str) -> CreateChatCompletionRequest {
    let system = ChatCompletionRequestSystemMessageArgs::default()
        .content("You are a helpful assistant.")
        .build();
    let user = ChatCompletionRequestUserMessageArgs::default()
        .content("Hello!")
        .build();
    let messages: [ChatCompletionRequestMessage; 2] =
        [system.expect("a message").into(), user.expect("a message").into()];
    let mut request = CreateChatCompletionRequestArgs::default();
    request.model(model).messages(messages).build().expect("a request")
}

async fn chat(client: &Client<OpenAIConfig>) {
    let answer = client.chat().create(request("gpt-4.1")).await.expect("an answer");
    assert!(answer.choices[0].message.content.is_some());
}

async fn stream(client: &Client<OpenAIConfig>, count: usize) {
    let request = request(&format!("e{count}"));
    let mut events = client.chat().create_stream(request).await.expect("a stream");
    let mut seen = 0;
    while let Some(event) = events.next().await {
        assert!(event.expect("an event").choices.len() == 1);
        seen += 1;
    }
    assert_eq!(seen, count + 1);
}

//! A conversation with a model that calls tools: what goes to the service, which calls are in its answers, and how their results go
//! back.
//!
//! What the program and the model wrote stays as it is, byte for byte: services want to see things again that only they know of
//! (`reasoning_content`, `extra_content`, encrypted reasoning).
#![forbid(unsafe_code)]

use crate::chat::{Edit, edit};
use crate::error::{Error, Result};
use crate::json::{Kind, Value, quote};
use std::borrow::Cow;

/// Everything that was said.
pub struct Conversation {
    api: Api,
    /// As the program gave it.
    request: String,
    /// The messages (chat) or items (responses) so far: a JSON array, and a NUL.
    messages: Vec<u8>,
    /// Where in `messages` that begins which the service does not keep by itself.
    unkept: usize,
}

/// The two ways to ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    Chat,
    Responses {
        /// The service adds what was said to a conversation of its own.
        keeps: bool,
    },
}

/// A call that the model wants to be made.
pub struct Call {
    pub name: Text,
    /// As the model wrote them.
    pub arguments: Text,
    /// Empty when the service gave none.
    pub id: Text,
    /// The message that brings the result, up to the result.
    reply: String,
}

/// A text with a NUL behind it, for C.
pub struct Text(Vec<u8>);

impl Text {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0[..self.0.len() - 1]).unwrap_or_default()
    }

    pub fn as_bytes_z(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text([text.as_bytes(), b"\0"].concat())
    }
}

impl Conversation {
    /// The start: a request of chat completions (`messages`) or of responses (`input`).
    ///
    /// # Errors
    /// `InvalidArgument` when it is neither.
    pub fn begin(request: &str) -> Result<Conversation> {
        let wrong = |why: &dyn std::fmt::Display| Error::argument("request_json", why);
        let object = Value::parse(request.as_bytes()).map_err(|fault| wrong(&fault))?;
        if object.kind() != Kind::Object {
            let kind = object.kind().name();
            return Err(wrong(&format_args!("expected an object, found {kind}")));
        }
        let given = |name| object.get(name).filter(|value| !value.is_null());
        let (api, said) = match (given("messages"), given("input")) {
            (None, Some(input)) => {
                let keeps = given("conversation").is_some();
                (Api::Responses { keeps }, items_of(input)?)
            }
            // The checks of every chat request are made where it is sent, and before that by the caller.
            (messages, _) => (Api::Chat, messages.map_or(&b"[]"[..], Value::raw).into()),
        };
        Ok(Conversation {
            api,
            request: request.to_owned(),
            messages: [&*said, b"\0"].concat(),
            unkept: 0,
        })
    }

    pub fn is_chat(&self) -> bool {
        self.api == Api::Chat
    }

    pub fn operation(&self) -> &'static str {
        match self.api {
            Api::Chat => "chat.completions.create",
            Api::Responses { .. } => "responses.create",
        }
    }

    /// What is to be sent next: the program's request with everything that was said since.
    pub fn request(&self) -> String {
        let name = match self.api {
            Api::Chat => "messages",
            Api::Responses { .. } => "input",
        };
        let said = String::from_utf8_lossy(&self.messages[self.unkept..self.messages.len() - 1]);
        let said = match said.strip_prefix(',') {
            Some(since) => Cow::Owned(format!("[{since}")),
            None => said,
        };
        // It was parsed before.
        let Ok(object) = Value::parse(self.request.as_bytes()) else {
            return self.request.clone();
        };
        let replaced = |key: &crate::json::Key<'_>, _: Value<'_>| match key.is(name) {
            true => Edit::Replace(&said),
            false => Edit::Keep,
        };
        String::from_utf8_lossy(&edit(object, replaced, std::iter::empty())).into_owned()
    }

    /// Takes an answer in, and gives the calls that it asks for.
    ///
    /// # Errors
    /// Why it is no answer that the conversation could go on with; it is as before then.
    pub fn hear(&mut self, answer: &[u8]) -> std::result::Result<Vec<Call>, String> {
        let answer = Value::parse(answer).map_err(|fault| format!("the answer is not JSON: {fault}"))?;
        if self.api == Api::Chat {
            let message = message_in(answer)?;
            let calls = calls_in(message)?;
            self.push(&with_role(message));
            return Ok(calls);
        }
        let output = answer
            .get("output")
            .filter(|output| output.kind() == Kind::Array)
            .ok_or("the answer has no output")?;
        let calls: std::result::Result<Vec<Call>, String> = output.items().filter_map(call_of_item).collect();
        let calls = calls?;
        output.items().for_each(|item| self.push(item.raw()));
        if self.api == (Api::Responses { keeps: true }) {
            self.unkept = self.messages.len() - b"]\0".len();
        }
        Ok(calls)
    }

    /// Takes the result of a call in.
    pub fn reply(&mut self, call: &Call, content: &str) {
        let mut message = call.reply.clone();
        quote(content, &mut message);
        message.push('}');
        self.push(message.as_bytes());
    }

    /// Everything that was said, and a NUL.
    pub fn messages_z(&self) -> &[u8] {
        &self.messages
    }

    fn push(&mut self, message: &[u8]) {
        self.messages.truncate(self.messages.len() - b"]\0".len());
        if !self.messages.trim_ascii_end().ends_with(b"[") {
            self.messages.push(b',');
        }
        self.messages.extend_from_slice(message);
        self.messages.extend_from_slice(b"]\0");
    }
}

/// The items of an `input`.
fn items_of(input: Value<'_>) -> Result<Cow<'_, [u8]>> {
    match input.kind() {
        Kind::Array => Ok(Cow::Borrowed(input.raw())),
        Kind::String => Ok([b"[{\"role\":\"user\",\"content\":", input.raw(), b"}]"]
            .concat()
            .into()),
        kind => {
            let why = format!("expected a string or an array, found {}", kind.name());
            Err(Error::argument("input", why))
        }
    }
}

/// The first choice's message.
fn message_in(answer: Value<'_>) -> std::result::Result<Value<'_>, &'static str> {
    let choice = answer.get("choices").and_then(|choices| choices.items().next());
    let choice = choice.ok_or("the answer has no choice")?;
    // Some services answer a plain call with what belongs into a stream.
    let message = choice.get("message").or_else(|| choice.get("delta"));
    message
        .filter(|message| message.kind() == Kind::Object)
        .ok_or("the choice has no message")
}

/// A message as it came; a role is only added where it has none.
fn with_role(message: Value<'_>) -> Cow<'_, [u8]> {
    let blank = |value: Value<'_>| value.as_str().is_none_or(|role| role.is_empty());
    if message.get("role").is_some_and(|role| !blank(role)) {
        return Cow::Borrowed(message.raw());
    }
    let without = |key: &crate::json::Key<'_>, _: Value<'_>| if key.is("role") { Edit::Remove } else { Edit::Keep };
    edit(message, without, [("role", "\"assistant\"")].into_iter())
}

/// The calls of a chat message.
fn calls_in(message: Value<'_>) -> std::result::Result<Vec<Call>, String> {
    let calls = message.get("tool_calls").map(Value::items).into_iter().flatten();
    let calls: Vec<Call> = calls.map(tool_call).collect::<std::result::Result<_, _>>()?;
    // The form before `tools`. Some services send an empty one with each message.
    let function_call = message.get("function_call").filter(|_| calls.is_empty());
    match function_call.filter(|call| !text(call.get("name")).is_empty()) {
        None => Ok(calls),
        Some(call) => {
            let reply = format!(
                "{{\"role\":\"function\",\"name\":{},\"content\":",
                json(call.get("name"))
            );
            Call::new(call, "arguments", None, reply).map(|call| vec![call])
        }
    }
}

fn tool_call(call: Value<'_>) -> std::result::Result<Call, String> {
    let function = call.get("function").map(|function| (function, "arguments"));
    let custom = || call.get("custom").map(|custom| (custom, "input"));
    let (function, arguments) = function.or_else(custom).ok_or("a tool call without a function")?;
    let id = call.get("id").filter(|id| !text(Some(*id)).is_empty());
    let reply = match id {
        Some(id) => format!("{{\"role\":\"tool\",\"tool_call_id\":{},\"content\":", json(Some(id))),
        // Services that give no ids go by names and order.
        None => format!(
            "{{\"role\":\"tool\",\"name\":{},\"content\":",
            json(function.get("name"))
        ),
    };
    Call::new(function, arguments, id, reply)
}

/// The call that an item of a response is, if it is one.
fn call_of_item(item: Value<'_>) -> Option<std::result::Result<Call, String>> {
    let (kind, arguments) = match &*text(item.get("type")) {
        "function_call" => ("function_call_output", "arguments"),
        "custom_tool_call" => ("custom_tool_call_output", "input"),
        _ => return None,
    };
    let id = item.get("call_id").or_else(|| item.get("id"));
    let reply = format!("{{\"type\":\"{kind}\",\"call_id\":{},\"output\":", json(id));
    Some(Call::new(item, arguments, id, reply))
}

impl Call {
    fn new(
        function: Value<'_>,
        arguments: &str,
        id: Option<Value<'_>>,
        reply: String,
    ) -> std::result::Result<Call, String> {
        let name = text(function.get("name"));
        if name.is_empty() {
            return Err("a tool call without a name".to_owned());
        }
        Ok(Call {
            name: Text::from(&*name),
            arguments: Text::from(&*text(function.get(arguments))),
            id: Text::from(&*text(id)),
            reply,
        })
    }
}

/// A string decoded, anything else as its JSON: some services send arguments as an object. Empty for what is null or not there.
fn text(value: Option<Value<'_>>) -> Cow<'_, str> {
    match value.filter(|value| !value.is_null()) {
        None => Cow::Borrowed(""),
        Some(value) => value.as_str().unwrap_or_else(|| String::from_utf8_lossy(value.raw())),
    }
}

fn json(value: Option<Value<'_>>) -> Cow<'_, str> {
    value.map_or(Cow::Borrowed("\"\""), |value| String::from_utf8_lossy(value.raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = r#"{"model":"m", "messages":[ {"role":"user","content":"weather?"} ],"tools":[1.10]}"#;

    fn chat() -> Conversation {
        Conversation::begin(QUESTION).unwrap()
    }

    fn hear(conversation: &mut Conversation, answer: &str) -> Vec<Call> {
        let calls = conversation.hear(answer.as_bytes());
        calls.unwrap_or_else(|why| panic!("{answer}: {why}"))
    }

    /// An answer with this message.
    fn saying(message: &str) -> String {
        format!(r#"{{"id":"c","choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}]}}"#)
    }

    fn messages(conversation: &Conversation) -> &str {
        let messages = conversation.messages_z();
        std::str::from_utf8(messages.strip_suffix(b"\0").unwrap()).unwrap()
    }

    fn told(call: &Call) -> [&str; 3] {
        [call.name.as_str(), call.arguments.as_str(), call.id.as_str()]
    }

    #[test]
    fn the_models_message_goes_back_byte_for_byte_and_the_results_behind_it() {
        let mut conversation = chat();
        assert_eq!(conversation.request(), QUESTION);
        let message = r#"{ "role":"assistant","content":null,"reasoning_content":"\u4f60 1.10","annotations":[],"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"get","arguments":"{\"city\":\"\u5317\u4eac\"}"},"extra_content":{"google":{"thought_signature":"s=="}}},
            {"id":"call_2","type":"function","function":{"name":"get","arguments":"{}"}} ] }"#;
        let calls = hear(&mut conversation, &saying(message));
        assert_eq!(
            calls.iter().map(told).collect::<Vec<_>>(),
            [["get", "{\"city\":\"北京\"}", "call_1"], ["get", "{}", "call_2"]]
        );
        conversation.reply(&calls[0], "21 \"°C\"\n");
        conversation.reply(&calls[1], "");
        let said = format!(
            r#"[ {{"role":"user","content":"weather?"}} ,{message},{{"role":"tool","tool_call_id":"call_1","content":"21 \"°C\"\n"}},{{"role":"tool","tool_call_id":"call_2","content":""}}]"#
        );
        assert_eq!(messages(&conversation), said);
        assert_eq!(
            conversation.request(),
            format!(r#"{{"model":"m", "messages":{said},"tools":[1.10]}}"#)
        );
        let last = r#"{"role":"assistant","content":"21 °C"}"#;
        assert!(hear(&mut conversation, &saying(last)).is_empty());
        assert!(messages(&conversation).ends_with(&format!(",{last}]")));
    }

    #[test]
    fn calls_are_found_in_whatever_form_they_come() {
        for (message, expected) in [
            (r#"{"role":"assistant","content":"no"}"#, &[][..]),
            (r#"{"role":"assistant","tool_calls":null}"#, &[]),
            (r#"{"role":"assistant","tool_calls":[],"function_call":null}"#, &[]),
            (
                r#"{"role":"assistant","function_call":{"name":"","arguments":""}}"#,
                &[],
            ),
            (
                r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
                &[["f", "{}", ""]],
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"n": 1.10}}}]}"#,
                &[["f", r#"{"n": 1.10}"#, "a"]],
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}}]}"#,
                &[["f", "", "a"]],
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"half"}}]}"#,
                &[["f", "{\"half", "a"]],
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"sql","input":"select 1"}}]}"#,
                &[["sql", "select 1", "a"]],
            ),
            // The newer form counts where both are there.
            (
                r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}],"function_call":{"name":"g"}}"#,
                &[["f", "{}", "a"]],
            ),
        ] {
            let calls = hear(&mut chat(), &saying(message));
            assert_eq!(calls.iter().map(told).collect::<Vec<_>>(), expected, "{message}");
        }
    }

    #[test]
    fn results_go_back_in_the_form_of_the_call() {
        for (message, reply) in [
            (
                r#"{"function_call":{"name":"f","arguments":"{}"}}"#,
                r#"{"role":"function","name":"f","content":"r"}"#,
            ),
            (
                r#"{"tool_calls":[{"id":"\u0061","function":{"name":"f"}}]}"#,
                r#"{"role":"tool","tool_call_id":"\u0061","content":"r"}"#,
            ),
            (
                r#"{"tool_calls":[{"id":"","function":{"name":"f"}}]}"#,
                r#"{"role":"tool","name":"f","content":"r"}"#,
            ),
            (
                r#"{"tool_calls":[{"id":"a","custom":{"name":"f","input":"i"}}]}"#,
                r#"{"role":"tool","tool_call_id":"a","content":"r"}"#,
            ),
        ] {
            let mut conversation = chat();
            let calls = hear(&mut conversation, &saying(message));
            conversation.reply(&calls[0], "r");
            assert!(
                messages(&conversation).ends_with(&format!(",{reply}]")),
                "{}",
                messages(&conversation)
            );
        }
    }

    #[test]
    fn a_message_without_a_role_is_the_assistants() {
        for message in [
            r#"{"content":"a"}"#,
            r#"{"role":null,"content":"a"}"#,
            r#"{"role":"","content":"a"}"#,
        ] {
            let mut conversation = chat();
            hear(&mut conversation, &saying(message));
            let said = messages(&conversation);
            assert!(said.ends_with(r#",{"content":"a","role":"assistant"}]"#), "{said}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_gone_on_with_leaves_the_conversation_as_it_was() {
        for (answer, why) in [
            ("", "not JSON"),
            (r#"{"choices":[]}"#, "no choice"),
            (r#"{"choices":[{"message":null}]}"#, "no message"),
            (
                &saying(r#"{"tool_calls":[{"id":"a","type":"mystery"}]}"#),
                "without a function",
            ),
            (
                &saying(r#"{"tool_calls":[{"id":"a","function":{"arguments":"{}"}}]}"#),
                "without a name",
            ),
        ] {
            let mut conversation = chat();
            let refused = conversation.hear(answer.as_bytes()).err().unwrap();
            assert!(refused.contains(why), "{answer}: {refused}");
            assert_eq!(conversation.request(), QUESTION);
        }
    }

    #[test]
    fn responses_go_on_with_their_items() {
        let mut conversation = Conversation::begin(r#"{"input":"weather\u003f","model":"m"}"#).unwrap();
        assert_eq!(conversation.operation(), "responses.create");
        assert_eq!(
            conversation.request(),
            r#"{"input":[{"role":"user","content":"weather\u003f"}],"model":"m"}"#
        );
        let items = r#"{"type":"reasoning","id":"rs_1","summary":[]},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"get","arguments":"{}"},{"type":"custom_tool_call","call_id":"call_2","name":"sql","input":"select"}"#;
        let calls = hear(
            &mut conversation,
            &format!(r#"{{"object":"response","output":[{items}]}}"#),
        );
        assert_eq!(
            calls.iter().map(told).collect::<Vec<_>>(),
            [["get", "{}", "call_1"], ["sql", "select", "call_2"]]
        );
        conversation.reply(&calls[0], "21");
        conversation.reply(&calls[1], "1");
        let outputs = r#"{"type":"function_call_output","call_id":"call_1","output":"21"},{"type":"custom_tool_call_output","call_id":"call_2","output":"1"}"#;
        let said = format!(r#"[{{"role":"user","content":"weather\u003f"}},{items},{outputs}]"#);
        assert_eq!(conversation.request(), format!(r#"{{"input":{said},"model":"m"}}"#));
        assert!(conversation.hear(b"{\"output\":null}").is_err());
        assert!(hear(&mut conversation, r#"{"output":[]}"#).is_empty());
    }

    #[test]
    fn what_the_service_keeps_is_not_sent_again() {
        let mut conversation = Conversation::begin(r#"{"conversation":"conv_1","input":[]}"#).unwrap();
        let item = r#"{"type":"function_call","call_id":"call_1","name":"get","arguments":"{}"}"#;
        let reply = r#"{"type":"function_call_output","call_id":"call_1","output":"21"}"#;
        for _ in 0..2 {
            let calls = hear(&mut conversation, &format!(r#"{{"output":[{item}]}}"#));
            conversation.reply(&calls[0], "21");
            assert_eq!(
                conversation.request(),
                format!(r#"{{"conversation":"conv_1","input":[{reply}]}}"#)
            );
        }
        assert_eq!(messages(&conversation), format!("[{item},{reply},{item},{reply}]"));
    }

    #[test]
    fn what_is_no_request_is_told() {
        for (request, why) in [
            ("{", "the text ends too early"),
            ("[]", "expected an object, found an array"),
            (r#"{"input":1}"#, "expected a string or an array, found a number"),
        ] {
            let refused = Conversation::begin(request).err().unwrap().message.clone();
            assert!(refused.contains(why), "{request}: {refused}");
        }
    }
}

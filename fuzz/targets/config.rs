//! Configurations: whatever is given, nothing says the key; the URL that comes out, given again, stays what it is; options of a call
//! are taken or refused with the argument's name.
#![no_main]

use kuai::config::{CallOptions, Config, JobOptions, ToolsOptions};
use kuai::error::{Error, Status};
use kuai::json::{Value, quote};
use kuai_fuzz::{Choices, assert_json};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "sk-Zq81jdLs9";

// Variables, a line each, up to an empty line; then the configuration. `KEY` stands for the key.
fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input).replace("KEY", KEY);
    let mut choices = Choices::of(text.as_bytes());
    let mut variables = Vec::new();
    loop {
        let line = String::from_utf8_lossy(choices.line()).into_owned();
        match line.split_once('=') {
            Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let json = std::str::from_utf8(choices.rest()).expect("cut at a line end");
    let environment = |name: &str| {
        variables
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.clone())
    };
    let is_once = text.matches(KEY).count() == 1;
    let is_said = |text: &str| text.contains(KEY) && is_once;

    for options in [
        CallOptions::parse(Some(json)).err(),
        JobOptions::parse(Some(json)).err(),
        ToolsOptions::parse(Some(json)).err(),
    ] {
        options.iter().for_each(|error| check(error, Status::InvalidArgument));
    }
    let without_mark = json.trim_start_matches('\u{feff}');
    match Config::load(Some(json), &environment) {
        Ok(config) => {
            let key = config.api_key.as_ref().map_or("", |key| key.expose());
            assert!(
                key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '),
                "{key:?}"
            );
            assert!(!(key.contains(KEY) && is_said(&format!("{config:?}"))));
            let headers = config.headers.iter().flat_map(|(name, value)| [name, value]);
            assert!(
                headers
                    .flat_map(|text| text.bytes())
                    .all(|byte| byte != b'\r' && byte != b'\n')
            );
            let given = Value::parse(without_mark.as_bytes()).expect("what was taken is JSON");
            let is_exact = given.get("base_url_exact").and_then(Value::as_bool) == Some(true);
            if config.azure.is_none() && !is_exact {
                stays(&config);
            }
        }
        Err(error) => {
            check(&error, Status::Config);
            let is_key = Value::parse(without_mark.as_bytes()).map_or(true, |value| {
                value
                    .get("api_key")
                    .and_then(Value::as_str)
                    .is_some_and(|key| key.contains(KEY))
            });
            assert!(!(is_key && is_said(&error.to_json())), "{error}");
        }
    }
});

fn stays(config: &Config) {
    let url = config.base.to_string();
    let mut quoted = String::new();
    quote(&url, &mut quoted);
    let again = Config::load(Some(&format!(r#"{{"api_key":"k","base_url":{quoted}}}"#)), &|_| None);
    assert_eq!(again.expect("a URL that was taken").base.to_string(), url);
}

fn check(error: &Error, status: Status) {
    assert_eq!(error.status, status);
    assert!(!error.message.is_empty());
    assert_json(error.to_json().as_bytes());
}

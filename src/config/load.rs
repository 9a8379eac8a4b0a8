//! From JSON and environment to a [`Config`].
#![forbid(unsafe_code)]

use super::base_url::Form;
use super::environment::Environment;
use super::fields::{check_headers, check_value, header_lines};
use super::object::{Blame, Object};
use super::service::Service;
use super::{Azure, Config, Incomplete, Level, Limits, Resolver, TlsRoots};
use crate::error::Result;
use crate::proxy::Proxies;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const KEYS: [&str; 29] = [
    "api_key",
    "base_url",
    "base_url_exact",
    "default_model",
    "organization",
    "project",
    "headers",
    "query",
    "user_agent",
    "connect_timeout_ms",
    "idle_timeout_ms",
    "content_timeout_ms",
    "timeout_ms",
    "deadline_ms",
    "max_retries",
    "max_retry_after_ms",
    "idempotency_keys",
    "proxy",
    "resolver",
    "ca_file",
    "client_cert_file",
    "client_key_file",
    "tls_roots",
    "max_response_bytes",
    "max_event_bytes",
    "incomplete_streams",
    "strict_turns",
    "log",
    "azure",
];

const USER_AGENT: &str = concat!("libkuai/", env!("CARGO_PKG_VERSION"));

impl Config {
    /// Reads a configuration; `None` is the same as `{}`. `env` gives the value of an environment variable.
    ///
    /// # Errors
    /// [`Config`](crate::Status::Config); the message names the key or the variable, and holds no secret.
    pub fn load(json: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Result<Config> {
        let given = Object::parse(json.unwrap_or("{}"), &KEYS, Blame::Config)?;
        let env = Environment(env);
        let azure = azure(given)?;
        let service = Service::choose(given, env, form(given, azure.is_some())?)?;
        Ok(Config {
            api_key: service.api_key,
            base: service.base,
            default_model: text(given, "default_model", || env.get("OPENAI_MODEL"))?,
            headers: headers(given, env)?,
            query: given.pairs("query")?,
            organization: header_text(given, "organization", || env.get("OPENAI_ORG_ID"))?,
            project: header_text(given, "project", || env.get("OPENAI_PROJECT_ID"))?,
            user_agent: header_text(given, "user_agent", || None)?.unwrap_or_else(|| USER_AGENT.to_owned()),
            limits: limits(given)?,
            max_retries: max_retries(given)?.unwrap_or(2),
            max_retry_after: given.time("max_retry_after_ms", 0)?.unwrap_or(Duration::from_secs(120)),
            idempotency_keys: given.flag("idempotency_keys")?.unwrap_or(true),
            proxies: proxies(given, env)?,
            resolver: resolver(given, env)?,
            ca_file: path(given, "ca_file", || env.get("SSL_CERT_FILE"))?,
            client_cert_file: path(given, "client_cert_file", || None)?,
            client_key_file: path(given, "client_key_file", || None)?,
            tls_roots: tls_roots(given)?,
            max_response_bytes: size(given, "max_response_bytes")?.unwrap_or(1 << 30),
            max_event_bytes: size(given, "max_event_bytes")?
                .map_or(64 << 20, |size| size.try_into().unwrap_or(usize::MAX)),
            incomplete_streams: incomplete_streams(given)?,
            strict_turns: given.flag("strict_turns")?.unwrap_or(false),
            log: log(given)?,
            azure,
        })
    }
}

/// As the options of a call have it too.
pub(super) fn max_retries(given: Object<'_>) -> Result<Option<u32>> {
    let number = given.whole_number("max_retries", 0..=i64::from(u32::MAX))?;
    Ok(number.and_then(|number| u32::try_from(number).ok()))
}

fn form(given: Object<'_>, azure: bool) -> Result<Form> {
    Ok(match given.flag("base_url_exact")? {
        Some(true) => Form::Exact,
        _ if azure => Form::Azure,
        _ => Form::OpenAi,
    })
}

fn azure(given: Object<'_>) -> Result<Option<Azure>> {
    let Some(azure) = given.object("azure", &["deployment", "api_version"])? else {
        return Ok(None);
    };
    let needed = |key: &str, example: &str| match azure.text(key)? {
        Some(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        _ => Err(given.error("azure", format_args!("\"{key}\" is missing, such as \"{example}\""))),
    };
    Ok(Some(Azure {
        deployment: needed("deployment", "my-gpt")?,
        api_version: needed("api_version", "2024-10-21")?,
    }))
}

fn limits(given: Object<'_>) -> Result<Limits> {
    // What is off by default can be switched off with 0, as curl has it. The other two must be there: nothing may wait for ever.
    let limit = |key| given.time(key, 0).map(|time| time.filter(|time| !time.is_zero()));
    Ok(Limits {
        connect: given.time("connect_timeout_ms", 1)?.unwrap_or(Duration::from_secs(5)),
        idle: given.time("idle_timeout_ms", 1)?.unwrap_or(Duration::from_secs(600)),
        content: limit("content_timeout_ms")?,
        attempt: limit("timeout_ms")?,
        deadline: limit("deadline_ms")?,
    })
}

/// The environment's headers, and the configuration's, which replace those of the same name.
fn headers(given: Object<'_>, env: Environment<'_>) -> Result<Vec<(String, String)>> {
    const VARIABLE: &str = "OPENAI_CUSTOM_HEADERS";
    let mut own = given.pairs("headers")?;
    check_headers(&mut own).map_err(|why| given.error("headers", why))?;
    let lines = env.get(VARIABLE).unwrap_or_default();
    let mut headers = header_lines(&lines).map_err(|why| given.error(VARIABLE, why))?;
    headers.retain(|(name, _)| !own.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    headers.append(&mut own);
    Ok(headers)
}

fn proxies(given: Object<'_>, env: Environment<'_>) -> Result<Proxies> {
    match given.text("proxy")? {
        Some(url) if url.trim().is_empty() => Ok(Proxies::none()),
        Some(url) => Proxies::always(&url).map_err(|why| given.error("proxy", why)),
        None => Proxies::from_environment(env).map_err(|(variable, why)| given.error(variable, why)),
    }
}

fn resolver(given: Object<'_>, env: Environment<'_>) -> Result<Resolver> {
    let words = [("auto", false), ("system", true)];
    Ok(Resolver {
        system: given.word("resolver", &words)?.unwrap_or(false),
        options: env.get("RES_OPTIONS"),
        // Set to nothing it means that there is no search list.
        local_domain: env
            .has("LOCALDOMAIN")
            .then(|| env.get("LOCALDOMAIN").unwrap_or_default()),
        host_aliases: env.get("HOSTALIASES").is_some(),
    })
}

fn tls_roots(given: Object<'_>) -> Result<TlsRoots> {
    let words = [
        ("bundled", TlsRoots::Bundled),
        ("system", TlsRoots::System),
        ("file", TlsRoots::File),
    ];
    Ok(given.word("tls_roots", &words)?.unwrap_or(TlsRoots::Bundled))
}

fn log(given: Object<'_>) -> Result<Option<Level>> {
    let words = [
        ("off", None),
        ("error", Some(Level::Error)),
        ("info", Some(Level::Info)),
        ("debug", Some(Level::Debug)),
    ];
    Ok(given.word("log", &words)?.unwrap_or(None))
}

fn incomplete_streams(given: Object<'_>) -> Result<Incomplete> {
    let words = [("error", Incomplete::Error), ("accept", Incomplete::Accept)];
    Ok(given.word("incomplete_streams", &words)?.unwrap_or(Incomplete::Error))
}

/// A text, or what the environment has where the configuration is silent; an empty one in the configuration is explicitly none.
fn text(given: Object<'_>, key: &str, otherwise: impl FnOnce() -> Option<String>) -> Result<Option<String>> {
    Ok(match given.text(key)? {
        Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        None => otherwise(),
    })
}

fn header_text(given: Object<'_>, key: &str, otherwise: impl FnOnce() -> Option<String>) -> Result<Option<String>> {
    let text = text(given, key, otherwise)?;
    check_value(text.as_deref().unwrap_or_default()).map_err(|why| given.error(key, why))?;
    Ok(text)
}

fn path(given: Object<'_>, key: &str, otherwise: impl FnOnce() -> Option<String>) -> Result<Option<PathBuf>> {
    let path = match given.text(key)? {
        Some(path) if path.contains('\0') => return Err(given.error(key, "holds a NUL")),
        Some(path) => Some(path.into_owned()).filter(|path| !path.is_empty()),
        None => otherwise(),
    };
    Ok(path.map(PathBuf::from))
}

fn size(given: Object<'_>, key: &str) -> Result<Option<u64>> {
    Ok(given.whole_number(key, 1..=i64::MAX)?.map(i64::unsigned_abs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Status};

    fn load(json: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let get = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::load(Some(json), &get)
    }

    /// A configuration with a key, and more.
    fn keyed(more: &str, environment: &[(&str, &str)]) -> Result<Config> {
        load(&format!("{{\"api_key\":\"sk-hunter2\"{more}}}"), environment)
    }

    fn refused(more: &str, environment: &[(&str, &str)]) -> Error {
        let error = keyed(more, environment).expect_err(more);
        assert_eq!(error.status, Status::Config, "{more}");
        assert!(!error.to_json().contains("hunter"), "{error:?}");
        error
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_defaults_are_those_of_the_manual() {
        let config = keyed("", &[]).unwrap();
        assert_eq!(config.base.to_string(), "https://api.kuaiai.app/v1");
        let limits = Limits {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(600),
            content: None,
            attempt: None,
            deadline: None,
        };
        assert_eq!(config.limits, limits);
        assert_eq!(
            (config.max_retries, config.max_retry_after),
            (2, Duration::from_secs(120))
        );
        assert_eq!((config.max_response_bytes, config.max_event_bytes), (1 << 30, 64 << 20));
        assert_eq!(
            (config.tls_roots, config.incomplete_streams),
            (TlsRoots::Bundled, Incomplete::Error)
        );
        assert!(config.idempotency_keys && !config.strict_turns && !config.accepts_incomplete_streams());
        assert_eq!(config.user_agent, concat!("libkuai/", env!("CARGO_PKG_VERSION")));
        assert_eq!(
            (&config.default_model, &config.organization, &config.project),
            (&None, &None, &None)
        );
        assert_eq!(
            (&config.ca_file, &config.client_cert_file, &config.client_key_file),
            (&None, &None, &None)
        );
        assert!(config.headers.is_empty() && config.query.is_empty() && config.azure.is_none());
    }

    #[test]
    fn every_key_is_read() {
        let config = load(
            r#"{"api_key":" Bearer sk-1\n","base_url":"h","base_url_exact":false,"default_model":"m","organization":"o","project":"p",
                "headers":{"X-B":"1","X-A":"2"},"query":[["q","1"],["q","2"]],"user_agent":"me/1","connect_timeout_ms":1,"idle_timeout_ms":2,
                "content_timeout_ms":3,"timeout_ms":4,"deadline_ms":5,"max_retries":0,"max_retry_after_ms":6,"idempotency_keys":false,
                "proxy":"http://proxy:3128","resolver":"system","ca_file":"/ca","client_cert_file":"/cert","client_key_file":"/key","tls_roots":"system",
                "max_response_bytes":7,"max_event_bytes":8,"incomplete_streams":"accept","strict_turns":true,"log":"info","azure":null}"#,
            &[],
        )
        .unwrap();
        assert_eq!(config.api_key.as_ref().map(|key| key.expose()), Some("sk-1"));
        assert_eq!(config.base.to_string(), "https://h/v1");
        assert_eq!(config.default_model.as_deref(), Some("m"));
        assert_eq!(
            (config.organization.as_deref(), config.project.as_deref()),
            (Some("o"), Some("p"))
        );
        assert_eq!(config.headers, [pair("X-B", "1"), pair("X-A", "2")]);
        assert_eq!(config.query, [pair("q", "1"), pair("q", "2")]);
        assert_eq!(config.user_agent, "me/1");
        let ms = Duration::from_millis;
        let limits = Limits {
            connect: ms(1),
            idle: ms(2),
            content: Some(ms(3)),
            attempt: Some(ms(4)),
            deadline: Some(ms(5)),
        };
        assert_eq!(config.limits, limits);
        assert_eq!(
            (config.max_retries, config.max_retry_after, config.idempotency_keys),
            (0, ms(6), false)
        );
        assert_eq!(
            config.proxies.for_target(true, "h", 443).map(|proxy| proxy.port),
            Some(3128)
        );
        assert_eq!(config.ca_file, Some(PathBuf::from("/ca")));
        assert_eq!(config.client_cert_file, Some(PathBuf::from("/cert")));
        assert_eq!(config.client_key_file, Some(PathBuf::from("/key")));
        assert_eq!(config.tls_roots, TlsRoots::System);
        assert!(config.resolver.system);
        assert_eq!((config.max_response_bytes, config.max_event_bytes), (7, 8));
        assert!(config.accepts_incomplete_streams() && config.strict_turns);
        assert_eq!(config.log, Some(Level::Info));
    }

    #[test]
    fn the_systems_own_variables_for_look_ups_are_read() {
        assert_eq!(keyed("", &[]).unwrap().resolver, Resolver::default());
        let environment = [
            ("RES_OPTIONS", "ndots:2"),
            ("LOCALDOMAIN", "a b"),
            ("HOSTALIASES", "/aliases"),
        ];
        let expected = Resolver {
            system: false,
            options: Some("ndots:2".to_owned()),
            local_domain: Some("a b".to_owned()),
            host_aliases: true,
        };
        assert_eq!(keyed(r#","resolver":"auto""#, &environment).unwrap().resolver, expected);
        let none = keyed("", &[("LOCALDOMAIN", "")]).unwrap();
        assert_eq!(none.resolver.local_domain.as_deref(), Some(""));
    }

    #[test]
    fn the_environment_speaks_where_the_configuration_is_silent() {
        let environment = [
            ("OPENAI_MODEL", "env-model"),
            ("OPENAI_ORG_ID", "env-org"),
            ("OPENAI_PROJECT_ID", "env-project"),
            ("OPENAI_CUSTOM_HEADERS", "X-A: env\nX-B: env\n"),
            ("SSL_CERT_FILE", "/env-ca"),
            ("https_proxy", "http://env-proxy:1"),
        ];
        let config = keyed("", &environment).unwrap();
        assert_eq!(config.default_model.as_deref(), Some("env-model"));
        assert_eq!(
            (config.organization.as_deref(), config.project.as_deref()),
            (Some("env-org"), Some("env-project"))
        );
        assert_eq!(config.headers, [pair("X-A", "env"), pair("X-B", "env")]);
        assert_eq!(config.ca_file, Some(PathBuf::from("/env-ca")));
        assert!(config.proxies.for_target(true, "h", 443).is_some());

        let silenced = r#","default_model":"","organization":"","project":"mine","headers":{"x-b":"mine"},"ca_file":"","proxy":"""#;
        let config = keyed(silenced, &environment).unwrap();
        assert_eq!(
            (&config.default_model, &config.organization, &config.ca_file),
            (&None, &None, &None)
        );
        assert_eq!(config.project.as_deref(), Some("mine"));
        assert_eq!(config.headers, [pair("X-A", "env"), pair("x-b", "mine")]);
        assert!(config.proxies.for_target(true, "h", 443).is_none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key_and_without_a_secret() {
        for (more, why) in [
            (
                r#","api_keys":"sk-hunter2""#,
                "unknown key \"api_keys\"; the nearest is \"api_key\"",
            ),
            (r#","api_key":7"#, "api_key: expected a string, found a number"),
            (
                r#","api_key":"sk-hunter2\nx""#,
                "api_key: character 11 of the key is a control character",
            ),
            (
                r#","base_url":"https://me:hunter2@h""#,
                "base_url: a user and a password",
            ),
            (r#","base_url":"""#, "base_url: is empty"),
            (r#","base_url":"h","base_url_exact":true"#, "base_url: the scheme"),
            (r#","proxy":"http://me:hunter2@:1""#, "proxy: the host is missing"),
            (r#","proxy":"socks4://me:hunter2@h""#, "proxy: "),
            (
                r#","headers":{"X":"hunter2\r\n"}"#,
                "headers: the value of \"X\" holds a line break",
            ),
            (r#","organization":"a\nb""#, "organization: holds a line break"),
            (r#","user_agent":"a\u0000""#, "user_agent: holds a control character"),
            (
                r#","connect_timeout_ms":0"#,
                "connect_timeout_ms: expected a whole number from 1 to 315360000000, found 0",
            ),
            (
                r#","deadline_ms":-5"#,
                "deadline_ms: expected a whole number from 0 to 315360000000, found -5",
            ),
            (
                r#","timeout_ms":"30""#,
                "timeout_ms: expected a whole number from 0 to 315360000000, found a string",
            ),
            (r#","timeout_ms":30.5"#, "found 30.5"),
            (
                r#","max_retries":-1"#,
                "max_retries: expected a whole number from 0 to 4294967295, found -1",
            ),
            (
                r#","max_event_bytes":0"#,
                "max_event_bytes: expected a whole number from 1",
            ),
            (
                r#","resolver":"hunter2""#,
                "resolver: expected \"auto\" or \"system\", found a string",
            ),
            (
                r#","tls_roots":"hunter2""#,
                "tls_roots: expected \"bundled\" or \"system\" or \"file\", found a string",
            ),
            (r#","ca_file":"a\u0000b""#, "ca_file: holds a NUL"),
            (
                r#","azure":{"deployment":"d"},"base_url":"h""#,
                "azure: \"api_version\" is missing",
            ),
            (
                r#","azure":{"deploiment":"d"},"base_url":"h""#,
                "unknown key \"deploiment\" in \"azure\"; the nearest is \"deployment\"",
            ),
        ] {
            let message = &refused(more, &[]).message;
            assert!(
                message.starts_with("config: ") && message.contains(why),
                "{more}: {message}"
            );
        }
        let message = &refused("", &[("OPENAI_CUSTOM_HEADERS", "hunter2")]).message;
        assert!(message.contains("OPENAI_CUSTOM_HEADERS: line 1 "), "{message}");
        let message = &refused("", &[("http_proxy", "https://me:hunter2@h")]).message;
        assert!(message.contains("http_proxy: "), "{message}");
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        let message = load("{\"api_key\": \"sk-1\",\n}", &[]).unwrap_err().message.clone();
        assert!(message.starts_with("config: not JSON: line 2, column 1: "), "{message}");
    }

    #[test]
    fn zero_switches_off_what_is_off_by_default() {
        let config = keyed(r#","content_timeout_ms":0,"timeout_ms":0,"deadline_ms":0"#, &[]).unwrap();
        assert_eq!(
            (config.limits.content, config.limits.attempt, config.limits.deadline),
            (None, None, None)
        );
    }

    #[test]
    fn azure_needs_a_host_of_its_own() {
        let azure = r#","azure":{"deployment":"d","api_version":"2024-10-21"}"#;
        let message = &refused(azure, &[]).message;
        assert!(message.contains("base_url: is missing"), "{message}");
        let config = keyed(&format!("{azure},\"base_url\":\"https://r.openai.azure.com\""), &[]).unwrap();
        assert_eq!(config.base.to_string(), "https://r.openai.azure.com/openai");
        assert_eq!(
            config.azure,
            Some(Azure {
                deployment: "d".to_owned(),
                api_version: "2024-10-21".to_owned()
            })
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let more = r#","base_url":"https://h?key=hunter3","headers":{"X":"hunter4"},"query":{"k":"hunter5"},"proxy":"http://me:hunter6@p:1""#;
        let debug = format!("{:?}", keyed(more, &[]).unwrap());
        assert!(debug.contains("***") && !debug.contains("hunter"), "{debug}");
    }
}

//! Which key goes to which host.
//!
//! Two services have variables of their own, and a program can name a third host. The rule over all of them: a key never goes to the
//! other service's default host; whoever wants that pairs the two by name.
#![forbid(unsafe_code)]

use super::base_url::{BaseUrl, Form};
use super::environment::Environment;
use super::object::{Blame, Object};
use super::secret::{Secret, clean_key};
use crate::error::{Error, Result};

/// A service with variables of its own.
struct Account {
    key_variable: &'static str,
    /// The first that is set counts.
    base_variables: &'static [&'static str],
    default_host: &'static str,
}

/// The order matters: the gateway's key comes first.
const ACCOUNTS: [Account; 2] = [GATEWAY, OPENAI];

const GATEWAY: Account = Account {
    key_variable: "KUAI_API_KEY",
    base_variables: &["KUAI_BASE_URL"],
    default_host: "api.kuaiai.app",
};

const OPENAI: Account = Account {
    key_variable: "OPENAI_API_KEY",
    // No official SDK reads the last two, but the gateway's own pages tell users to set them.
    base_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL"],
    default_host: "api.openai.com",
};

/// Where requests go, and with what.
pub(super) struct Service {
    /// `None`: the service wants none.
    pub api_key: Option<Secret>,
    pub base: BaseUrl,
}

/// The key as the configuration has it.
enum GivenKey {
    /// The environment is asked.
    Silent,
    /// Explicitly none: `""`.
    None,
    Some(Secret),
}

impl Service {
    /// Finds the pair that the configuration means, or the environment where it is silent.
    pub fn choose(given: Object<'_>, environment: Environment<'_>, form: Form) -> Result<Service> {
        let sources = Sources { environment, form };
        let base = match given.text("base_url")? {
            Some(text) => Some(BaseUrl::parse(&text, form).map_err(|why| given.error("base_url", why))?),
            None => None,
        };
        match (given_key(given)?, base) {
            (GivenKey::Silent, Some(base)) => sources.with_key_for(base),
            (GivenKey::Silent, None) => sources.pair(),
            (key, Some(base)) => Ok(Service {
                api_key: key.into_key(),
                base,
            }),
            (key, None) => Ok(Service {
                api_key: key.into_key(),
                base: sources.base(&GATEWAY)?,
            }),
        }
    }
}

impl GivenKey {
    fn into_key(self) -> Option<Secret> {
        match self {
            GivenKey::Some(key) => Some(key),
            GivenKey::Silent | GivenKey::None => None,
        }
    }
}

fn given_key(given: Object<'_>) -> Result<GivenKey> {
    let Some(text) = given.text("api_key")? else {
        return Ok(GivenKey::Silent);
    };
    let key = clean_key(&Secret::new(text.into_owned())).map_err(|why| given.error("api_key", why))?;
    Ok(key.map_or(GivenKey::None, GivenKey::Some))
}

/// What the environment has to say, and how it is read.
#[derive(Clone, Copy)]
struct Sources<'e> {
    environment: Environment<'e>,
    form: Form,
}

impl Sources<'_> {
    /// The first account that has a key, with its own base.
    fn pair(self) -> Result<Service> {
        for account in &ACCOUNTS {
            if let Some(api_key) = self.key(account)? {
                return Ok(Service {
                    api_key: Some(api_key),
                    base: self.base(account)?,
                });
            }
        }
        for account in &ACCOUNTS {
            // A service on this machine mostly has no keys.
            if let Some(base) = self.named_base(account)?.filter(BaseUrl::is_loopback) {
                return Ok(Service { api_key: None, base });
            }
        }
        Err(no_key(
            "no key: \"api_key\" is not given, and neither KUAI_API_KEY nor OPENAI_API_KEY is set",
        ))
    }

    /// A key from the environment for a host that the configuration names.
    fn with_key_for(self, base: BaseUrl) -> Result<Service> {
        let owner = self.owner(&base)?;
        for account in &ACCOUNTS {
            if owner.is_some_and(|owner| owner.key_variable != account.key_variable) {
                continue;
            }
            if let Some(api_key) = self.key(account)? {
                return Ok(Service {
                    api_key: Some(api_key),
                    base,
                });
            }
        }
        if base.is_loopback() {
            return Ok(Service { api_key: None, base });
        }
        Err(no_key(&match owner {
            Some(owner) => format!(
                "no key for {}: \"api_key\" is not given, and {} is not set (another service's key is not sent there)",
                base.host, owner.key_variable
            ),
            None => format!(
                "no key for {}: \"api_key\" is not given, and neither KUAI_API_KEY nor OPENAI_API_KEY is set",
                base.host
            ),
        }))
    }

    /// The account whose key alone may go to this host. `None`: nobody's, so that any key may that the program has chosen by silence.
    fn owner(self, base: &BaseUrl) -> Result<Option<&'static Account>> {
        // Whoever names a host in the variables beside the key has paired the two, be it the other's default host.
        for account in &ACCOUNTS {
            let named = self.named_base(account)?;
            if named.is_some_and(|named| named.has_origin_of(base)) && self.key(account)?.is_some() {
                return Ok(Some(account));
            }
        }
        // "h." and "h" are the same host to the look-up.
        let host = base.host.trim_end_matches('.');
        Ok(ACCOUNTS.iter().find(|account| account.default_host == host))
    }

    fn key(self, account: &Account) -> Result<Option<Secret>> {
        match self.environment.secret(account.key_variable) {
            Some(pasted) => clean_key(&pasted).map_err(|why| Blame::Config.error(account.key_variable, why)),
            None => Ok(None),
        }
    }

    /// The account's base: by its variables, else its default.
    fn base(self, account: &Account) -> Result<BaseUrl> {
        match self.named_base(account)? {
            Some(base) => Ok(base),
            None if self.form == Form::Azure => {
                Err(Blame::Config.error("base_url", "is missing: Azure has a host for each resource"))
            }
            None => {
                BaseUrl::parse(&format!("https://{}/v1", account.default_host), Form::Exact).map_err(Error::internal)
            }
        }
    }

    fn named_base(self, account: &Account) -> Result<Option<BaseUrl>> {
        match self.environment.first(account.base_variables) {
            Some((name, text)) => BaseUrl::parse(&text, self.form)
                .map(Some)
                .map_err(|why| Blame::Config.error(name, why)),
            None => Ok(None),
        }
    }
}

fn no_key(message: &str) -> Error {
    let mut error = Blame::Config.whole(message);
    error.param = Some("api_key".to_owned());
    error
}

#[cfg(test)]
mod tests {
    use super::super::load::KEYS;
    use super::*;

    const GATEWAY_BASE: &str = "https://api.kuaiai.app/v1";
    const OPENAI_BASE: &str = "https://api.openai.com/v1";

    /// The key and the base that are chosen, or the message.
    fn choose(config: &str, environment: &[(&str, &str)]) -> std::result::Result<(Option<String>, String), String> {
        let get = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let given = Object::parse(config, &KEYS, Blame::Config).unwrap();
        match Service::choose(given, Environment(&get), Form::OpenAi) {
            Ok(service) => Ok((
                service.api_key.map(|key| key.expose().to_owned()),
                service.base.to_string(),
            )),
            Err(error) => Err(error.message.clone()),
        }
    }

    fn chosen(config: &str, environment: &[(&str, &str)]) -> (Option<String>, String) {
        choose(config, environment).unwrap_or_else(|why| panic!("{config} {environment:?}: {why}"))
    }

    fn pair(key: &str, base: &str) -> (Option<String>, String) {
        (Some(key.to_owned()), base.to_owned())
    }

    const BOTH: [(&str, &str); 2] = [("KUAI_API_KEY", "kuai"), ("OPENAI_API_KEY", "openai")];

    #[test]
    fn the_environments_keys_come_with_their_own_hosts() {
        assert_eq!(chosen("{}", &BOTH), pair("kuai", GATEWAY_BASE));
        assert_eq!(chosen("{}", &BOTH[1..]), pair("openai", OPENAI_BASE));
        assert_eq!(
            chosen(
                "{}",
                &[BOTH[0], BOTH[1], ("KUAI_BASE_URL", "h"), ("OPENAI_BASE_URL", "o")]
            ),
            pair("kuai", "https://h/v1")
        );
        // The base of one account is no base for the other's key.
        assert_eq!(
            chosen("{}", &[BOTH[1], ("KUAI_BASE_URL", "h")]),
            pair("openai", OPENAI_BASE)
        );
        assert_eq!(
            chosen("{}", &[BOTH[0], ("OPENAI_BASE_URL", "o")]),
            pair("kuai", GATEWAY_BASE)
        );
    }

    #[test]
    fn openais_base_has_three_names() {
        let all = [
            ("OPENAI_BASE_URL", "one"),
            ("OPENAI_API_BASE", "two"),
            ("OPENAI_API_BASE_URL", "three"),
        ];
        for (from, host) in [(0, "one"), (1, "two"), (2, "three")] {
            let mut environment = vec![BOTH[1]];
            environment.extend(&all[from..]);
            assert_eq!(
                chosen("{}", &environment),
                pair("openai", &format!("https://{host}/v1"))
            );
        }
        assert_eq!(
            chosen("{}", &[BOTH[1], ("OPENAI_BASE_URL", ""), all[1]]),
            pair("openai", "https://two/v1")
        );
    }

    #[test]
    fn an_empty_variable_is_no_key_and_no_host() {
        assert_eq!(
            chosen(
                "{}",
                &[
                    ("KUAI_API_KEY", " "),
                    ("OPENAI_API_KEY", "openai"),
                    ("OPENAI_BASE_URL", "")
                ]
            ),
            pair("openai", OPENAI_BASE)
        );
    }

    #[test]
    fn a_key_in_the_configuration_alone_belongs_to_the_gateway() {
        let config = r#"{"api_key":"mine"}"#;
        assert_eq!(chosen(config, &BOTH), pair("mine", GATEWAY_BASE));
        assert_eq!(
            chosen(config, &[BOTH[1], ("OPENAI_BASE_URL", "o")]),
            pair("mine", GATEWAY_BASE)
        );
        assert_eq!(chosen(config, &[("KUAI_BASE_URL", "h")]), pair("mine", "https://h/v1"));
        assert_eq!(
            chosen(r#"{"api_key":"mine","base_url":"https://api.openai.com/v1"}"#, &BOTH),
            pair("mine", OPENAI_BASE)
        );
    }

    #[test]
    fn a_key_never_goes_to_the_others_default_host() {
        let openai = r#"{"base_url":"https://api.openai.com/v1"}"#;
        let gateway = r#"{"base_url":"https://api.kuaiai.app"}"#;
        assert_eq!(chosen(openai, &BOTH), pair("openai", OPENAI_BASE));
        assert_eq!(chosen(gateway, &BOTH), pair("kuai", GATEWAY_BASE));
        for (config, environment) in [
            (openai, [BOTH[0]]),
            (gateway, [BOTH[1]]),
            (r#"{"base_url":"http://API.OpenAI.com:8080"}"#, [BOTH[0]]),
            (r#"{"base_url":"https://api.openai.com./v1"}"#, [BOTH[0]]),
        ] {
            let message = choose(config, &environment).unwrap_err();
            assert!(
                message.contains("another service's key is not sent there"),
                "{config}: {message}"
            );
        }
    }

    #[test]
    fn whoever_pairs_a_key_with_a_host_by_name_gets_that_pair() {
        // As the gateway's pages have it for programs that know OpenAI's variables only.
        let environment = [BOTH[1], ("OPENAI_BASE_URL", "https://api.kuaiai.app/v1")];
        assert_eq!(chosen("{}", &environment), pair("openai", GATEWAY_BASE));
        assert_eq!(
            chosen(r#"{"base_url":"https://api.kuaiai.app"}"#, &environment),
            pair("openai", GATEWAY_BASE)
        );
        // The other key's pair is not mixed up with it.
        let environment = [BOTH[0], BOTH[1], ("OPENAI_BASE_URL", "https://o/v1")];
        assert_eq!(
            chosen(r#"{"base_url":"https://o/v1"}"#, &environment),
            pair("openai", "https://o/v1")
        );
    }

    #[test]
    fn a_host_of_nobodys_gets_the_first_key_that_is_set() {
        let config = r#"{"base_url":"https://h/v1"}"#;
        assert_eq!(chosen(config, &BOTH), pair("kuai", "https://h/v1"));
        assert_eq!(chosen(config, &BOTH[1..]), pair("openai", "https://h/v1"));
        assert!(choose(config, &[]).unwrap_err().contains("no key for h: "));
    }

    #[test]
    fn without_a_key_only_this_machine_is_asked() {
        let none = (None, "http://localhost:8080/v1".to_owned());
        assert_eq!(chosen(r#"{"base_url":"http://localhost:8080"}"#, &[]), none);
        assert_eq!(chosen("{}", &[("KUAI_BASE_URL", "http://localhost:8080")]), none);
        assert_eq!(
            chosen(
                "{}",
                &[
                    ("KUAI_BASE_URL", "https://h"),
                    ("OPENAI_BASE_URL", "http://localhost:8080")
                ]
            ),
            none
        );
        let message = choose("{}", &[("KUAI_BASE_URL", "https://h")]).unwrap_err();
        for name in ["api_key", "KUAI_API_KEY", "OPENAI_API_KEY"] {
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn an_empty_key_in_the_configuration_means_none() {
        assert_eq!(
            chosen(r#"{"api_key":"","base_url":"https://h"}"#, &BOTH),
            (None, "https://h/v1".to_owned())
        );
        assert_eq!(chosen(r#"{"api_key":""}"#, &BOTH), (None, GATEWAY_BASE.to_owned()));
        assert_eq!(chosen(r#"{"api_key":null}"#, &BOTH), pair("kuai", GATEWAY_BASE));
    }

    #[test]
    fn what_is_wrong_with_a_variable_is_told_with_its_name() {
        assert_eq!(
            choose("{}", &[("KUAI_API_KEY", "Bearer")]).unwrap_err(),
            "config: KUAI_API_KEY: holds no key"
        );
        let message = choose("{}", &[BOTH[1], ("OPENAI_API_BASE", "https://u:hunter2@h")]).unwrap_err();
        assert!(
            message.starts_with("config: OPENAI_API_BASE: ") && !message.contains("hunter2"),
            "{message}"
        );
    }
}

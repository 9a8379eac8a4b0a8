//! Where the service is: what people write for it, and what is meant.
#![forbid(unsafe_code)]

use super::secret::without_quotes;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The URL that every path of the API is appended to.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// `https`.
    pub tls: bool,
    /// In lower case; an IPv6 address without its brackets.
    pub host: String,
    /// The scheme's own when none was given.
    pub port: u16,
    /// Empty, or begins with a slash; without a final one unless it was asked for exactly as it is.
    pub path: String,
    /// Without the question mark.
    pub query: String,
}

/// How much of what was written is put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing: `base_url_exact`.
    Exact,
    /// The rules for OpenAI's API: a bare host gets `/v1`.
    OpenAi,
    /// The rules for Azure's: everything lies under `/openai`, and the version of the API is set apart.
    Azure,
}

/// What somebody copies from a manual together with the base.
const ENDPOINTS: [&str; 22] = [
    // Before `/completions`, which it ends with.
    "/chat/completions",
    "/completions",
    "/responses",
    "/embeddings",
    "/models",
    "/moderations",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/fine_tuning/jobs",
    "/files",
    "/uploads",
    "/batches",
    "/assistants",
    "/threads",
    "/vector_stores",
    "/conversations",
    "/videos",
    "/realtime",
];

impl BaseUrl {
    /// # Errors
    /// Says what is wrong, and never repeats the URL: it can hold a password.
    pub(super) fn parse(text: &str, form: Form) -> Result<BaseUrl, String> {
        let text = if form == Form::Exact {
            text
        } else {
            without_quotes(text.trim()).trim()
        };
        check_characters(text)?;
        let (tls, rest) = split_scheme(text, form)?;
        // A fragment never leaves the client.
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = if form == Form::Exact {
            rest
        } else {
            rest.trim_start_matches('/')
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("a user and a password in the URL are not supported; \"headers\" can carry them".to_owned());
        }
        let (host, port) = split_authority(authority)?;
        Ok(BaseUrl {
            tls,
            host,
            port: port.unwrap_or(default_port(tls)),
            path: path_in_form(path, form),
            query: query_in_form(query, form),
        })
    }

    /// `https://host`, with the port when it is not the scheme's own.
    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let mut origin = format!("{scheme}://{open}{}{close}", self.host);
        if self.port != default_port(self.tls) {
            origin.push_str(&format!(":{}", self.port));
        }
        origin
    }

    /// Whether the service runs on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn has_origin_of(&self, other: &BaseUrl) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)?;
        if self.query.is_empty() {
            Ok(())
        } else {
            write!(f, "?{}", self.query)
        }
    }
}

/// Some services take their key in the query: it is not shown.
impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.query.is_empty() { "" } else { "?***" };
        write!(f, "{}{}{query}", self.origin(), self.path)
    }
}

/// Takes `host`, `host:port` or `[v6]:port` apart. The host comes back in lower case and without brackets.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn split_authority(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(None) => return Err("the bracket around the IPv6 address is not closed".to_owned()),
        Some(Some((host, port))) => (v6_host(host)?, port),
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (name_host(host)?, port)
        }
    };
    Ok((host, parse_port(port)?))
}

fn v6_host(text: &str) -> Result<String, String> {
    let address: Ipv6Addr = text
        .parse()
        .map_err(|_| "what stands in brackets is no IPv6 address".to_owned())?;
    Ok(address.to_string())
}

fn name_host(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.len() > 253 || !text.bytes().all(plain) {
        return Err("the host is no host name; names that are not ASCII are written in their xn-- form".to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

/// The port in `:8080`; nothing, as in `host` and `host:`, is the default.
fn parse_port(text: &str) -> Result<Option<u16>, String> {
    let wrong = || "the port is no number from 1 to 65535 (an IPv6 address needs brackets)".to_owned();
    match text.strip_prefix(':') {
        None if text.is_empty() => Ok(None),
        None => Err(wrong()),
        Some("") => Ok(None),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|&port| port != 0)
            .map(Some)
            .ok_or_else(wrong),
        Some(_) => Err(wrong()),
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// Nothing that a request line cannot carry (RFC 3986, section 2).
fn check_characters(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    match text.chars().position(|c| !allowed(c)) {
        None if text.is_empty() => Err("is empty".to_owned()),
        None => Ok(()),
        Some(at) => Err(format!(
            "character {} (U+{:04X}) cannot stand in a URL unless it is percent-encoded",
            at + 1,
            text.chars().nth(at).map_or(0, u32::from)
        )),
    }
}

/// Whether it is TLS, and what follows the scheme.
fn split_scheme(text: &str, form: Form) -> Result<(bool, &str), String> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => without_slash(rest).map(|rest| (true, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => without_slash(rest).map(|rest| (false, rest)),
        // A URL can be an argument of another: `host/v1?next=https://…` has no scheme of its own.
        Some((scheme, _)) if !scheme.contains(['/', '?']) => Err("the scheme is neither https nor http".to_owned()),
        _ if form == Form::Exact => Err("the scheme (https://) is missing".to_owned()),
        _ if starts_like_a_scheme(text) => Err("two slashes are missing after the scheme".to_owned()),
        _ => Ok((true, text)),
    }
}

/// `https:///v1` comes from a template whose host was empty: the key must not go to a host named `v1`.
fn without_slash(rest: &str) -> Result<&str, String> {
    if rest.starts_with('/') {
        Err("the host is missing".to_owned())
    } else {
        Ok(rest)
    }
}

fn starts_like_a_scheme(text: &str) -> bool {
    let start = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    start("https:/") || start("http:/")
}

fn path_in_form(path: &str, form: Form) -> String {
    if form == Form::Exact {
        // RFC 3986, section 6.2.3: an empty path and a lone slash are the same.
        return if path == "/" { String::new() } else { path.to_owned() };
    }
    let path = with_single_slashes(path);
    let mut path = &*path;
    // What comes out is what comes out of it again.
    while let Some(base) = ENDPOINTS.iter().find_map(|endpoint| path.strip_suffix(endpoint)) {
        path = base;
    }
    match form {
        Form::Azure => up_to_openai(path),
        _ if path.is_empty() => "/v1".to_owned(),
        _ => path.to_owned(),
    }
}

/// The path with each run of slashes made one, and without a final one.
fn with_single_slashes(path: &str) -> String {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .flat_map(|segment| ["/", segment])
        .collect()
}

/// What stands behind `/openai` (a deployment, say) is set apart in the configuration.
fn up_to_openai(path: &str) -> String {
    let mut kept = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if segment == "openai" {
            break;
        }
        kept.push('/');
        kept.push_str(segment);
    }
    // A habit from OpenAI's own URLs; nothing of Azure's lies there.
    let kept = if kept == "/v1" { String::new() } else { kept };
    kept + "/openai"
}

fn query_in_form(query: &str, form: Form) -> String {
    if form != Form::Azure {
        return query.to_owned();
    }
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("api-version="))
        .collect();
    others.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        BaseUrl::parse(text, Form::OpenAi).map_or_else(|why| format!("error: {why}"), |url| url.to_string())
    }

    fn refused(text: &str, form: Form) -> String {
        BaseUrl::parse(text, form).expect_err(text)
    }

    #[test]
    fn whatever_people_write_for_a_base_url_is_what_they_mean() {
        for (given, meant) in [
            ("https://h/v1", "https://h/v1"),
            ("https://h/v1/", "https://h/v1"),
            ("https://h", "https://h/v1"),
            ("https://h/", "https://h/v1"),
            ("https://h/v1/chat/completions", "https://h/v1"),
            ("https://h/v1/chat/completions/", "https://h/v1"),
            ("https://h/v1/completions", "https://h/v1"),
            ("https://h/v1/responses", "https://h/v1"),
            ("https://h/v1/embeddings", "https://h/v1"),
            ("https://h/v1/models", "https://h/v1"),
            ("https://h/v1/audio/speech", "https://h/v1"),
            ("https://h/chat/completions", "https://h/v1"),
            ("https://h/api/chat/completions", "https://h/api"),
            ("https://h/mymodels", "https://h/mymodels"),
            ("https://h/v1/chat/completions/completions", "https://h/v1"),
            ("https://h/chat/completions/chat/completions?x=1", "https://h/v1?x=1"),
            ("h/v1", "https://h/v1"),
            ("h", "https://h/v1"),
            ("//h/v1", "https://h/v1"),
            ("h:8080", "https://h:8080/v1"),
            (" https://h/v1 ", "https://h/v1"),
            ("\thttps://h/v1\r\n", "https://h/v1"),
            ("\"https://h/v1\"", "https://h/v1"),
            ("https://h/v1?x=1", "https://h/v1?x=1"),
            ("https://h?x=1", "https://h/v1?x=1"),
            ("https://h/v1/chat/completions?x=1&y=/", "https://h/v1?x=1&y=/"),
            ("h/v1?next=https://other/", "https://h/v1?next=https://other/"),
            ("https://h/v1#part", "https://h/v1"),
            ("https://h//api///v1//", "https://h/api/v1"),
            ("HTTPS://API.Example/V1", "https://api.example/V1"),
            ("https://h:443/v1", "https://h/v1"),
            ("http://h:80", "http://h/v1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("https://[2001:DB8:0::1]", "https://[2001:db8::1]/v1"),
            ("https://h:/v1", "https://h/v1"),
            ("https://api.kuaiai.app/", "https://api.kuaiai.app/v1"),
        ] {
            assert_eq!(normal(given), meant, "{given:?}");
            assert_eq!(normal(meant), meant, "{given:?}");
        }
    }

    #[test]
    fn exactly_means_that_nothing_is_changed() {
        for (given, path) in [
            ("https://h", ""),
            ("https://h/", ""),
            ("https://h/v1/", "/v1/"),
            ("https://h//a/chat/completions", "//a/chat/completions"),
        ] {
            assert_eq!(BaseUrl::parse(given, Form::Exact).unwrap().path, path, "{given:?}");
        }
        assert!(refused("h/v1", Form::Exact).contains("scheme"));
        assert!(refused(" https://h/v1", Form::Exact).contains("U+0020"));
    }

    #[test]
    fn azure_addresses_are_cut_at_openai() {
        for given in [
            "https://r.openai.azure.com",
            "https://r.openai.azure.com/openai/",
            "https://r.openai.azure.com/openai/v1",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ] {
            assert_eq!(
                BaseUrl::parse(given, Form::Azure).unwrap().to_string(),
                "https://r.openai.azure.com/openai",
                "{given:?}"
            );
        }
        assert_eq!(
            BaseUrl::parse("https://h/tenant?a=b&api-version=1", Form::Azure)
                .unwrap()
                .to_string(),
            "https://h/tenant/openai?a=b"
        );
    }

    #[test]
    fn what_is_no_base_url_is_told_without_repeating_it() {
        for (given, why) in [
            ("", "empty"),
            ("  ", "empty"),
            ("ftp://h/v1", "neither https nor http"),
            ("https:/h/v1", "two slashes"),
            ("https://", "host is missing"),
            ("https:///v1", "host is missing"),
            ("https://h:0/v1", "port"),
            ("https://h:65536", "port"),
            ("https://h:x", "port"),
            ("https://h:+1", "port"),
            ("::1", "host is missing"),
            ("fe80::1", "port"),
            ("https://[::1/v1", "not closed"),
            ("https://[::g]/v1", "no IPv6 address"),
            ("https://[::1]x/v1", "port"),
            ("https://a b/v1", "U+0020"),
            ("https://h/网关", "U+7F51"),
            ("https://h\\v1", "U+005C"),
            ("https://h/v1\nX: y", "U+000A"),
            ("https://h*/v1", "no host name"),
            ("https://user:hunter2@h/v1", "a user and a password"),
        ] {
            let message = refused(given, Form::OpenAi);
            assert!(message.contains(why), "{given:?}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn debug_does_not_show_the_query() {
        let url = BaseUrl::parse("https://h/v1?key=hunter2", Form::OpenAi).unwrap();
        assert_eq!(format!("{url:?}"), "https://h/v1?***");
    }

    #[test]
    fn this_machine_is_known() {
        for (url, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(
                BaseUrl::parse(url, Form::OpenAi).unwrap().is_loopback(),
                loopback,
                "{url}"
            );
        }
    }
}

//! Azure's addresses: `/openai/deployments/{deployment}/chat/completions?api-version=…` and so on for what a deployment does, and
//! `/openai/files` and so on for what belongs to the whole resource. The key is in `api-key`, and nowhere else.

use super::Failure;
use crate::support::http::Request;

/// What lies under a deployment; everything else lies beside them.
const OF_DEPLOYMENTS: [&str; 6] = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/audio/speech",
    "/audio/transcriptions",
    "/images/generations",
];

/// Where a request goes on Azure.
pub struct Place<'a> {
    /// As it would be behind `/v1`.
    pub path: &'a str,
    /// The model; it need not be in the request.
    pub deployment: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// `None`: not on Azure.
    pub fn of(request: &'a Request) -> Option<Result<Place<'a>, Failure>> {
        let path = request.path().strip_prefix("/openai")?;
        let deployment = |rest: &'a str| Some(rest.split_at(rest.find('/')?));
        let place = match path.strip_prefix("/deployments/").and_then(deployment) {
            Some((name, path)) => Place {
                path,
                deployment: Some(name),
            },
            None => Place { path, deployment: None },
        };
        let mut pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
        let has_version = pairs.any(|(name, value)| name == "api-version" && !value.is_empty());
        if !has_version || OF_DEPLOYMENTS.contains(&place.path) != place.deployment.is_some() {
            return Some(Err(Failure::new(404, "Resource not found").code("404")));
        }
        if request.header("authorization").is_some() || request.header("api-key").is_none() {
            let message = "Access denied: the key goes into the header `api-key`.";
            return Some(Err(Failure::new(401, message).code("401")));
        }
        Some(Ok(place))
    }
}

//! The environment, as a function of the name: nothing here reads the process's own.
#![forbid(unsafe_code)]

use super::secret::Secret;

/// Environment variables. An empty one counts as unset.
#[derive(Clone, Copy)]
pub struct Environment<'e>(pub &'e dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// The variable's value without blanks around it.
    pub fn get(self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let trimmed = value.trim();
        if trimmed.is_empty() {
            None
        } else {
            Some(trimmed.to_owned())
        }
    }

    /// The first of these variables that is set: its name and its value.
    pub fn first<'n>(self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The same for a value that must not stay in memory.
    pub fn secret(self, name: &str) -> Option<Secret> {
        let value = Secret::new((self.0)(name)?);
        if value.expose().trim().is_empty() {
            None
        } else {
            Some(value)
        }
    }

    /// Whether the variable is there at all, empty or not.
    pub fn has(self, name: &str) -> bool {
        (self.0)(name).map(Secret::new).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let get = |name: &str| match name {
            "EMPTY" => Some(String::new()),
            "BLANK" => Some(" \n".to_owned()),
            "SET" => Some(" a ".to_owned()),
            _ => None,
        };
        let environment = Environment(&get);
        assert_eq!(
            environment.first(&["ABSENT", "EMPTY", "BLANK", "SET"]),
            Some(("SET", "a".to_owned()))
        );
        assert!(environment.secret("BLANK").is_none() && environment.secret("SET").is_some());
        assert!(environment.has("EMPTY") && !environment.has("ABSENT"));
    }
}

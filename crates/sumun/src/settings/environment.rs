//! The process environment: overrides of settings, and secrets by name.
//!
//! This is the only place that reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the environment says, as it was when the process started.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// One environment variable that replaces a setting.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    /// The variable.
    pub(crate) name: String,
    /// The setting: `SUMUN_TOKENS__ACCESS_TOKEN` is `tokens`, `access_token`.
    pub(crate) path: Vec<String>,
    /// The value as text.
    pub(crate) value: String,
}

/// What all variables of ours begin with.
const PREFIX: &str = "SUMUN_";

impl Environment {
    /// The environment of this process. What is not UTF-8 cannot be meant for us.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// How this program was called, for commands that are shown: `sumun` may not be where shells look.
    pub(crate) fn program() -> String {
        std::env::args()
            .next()
            .unwrap_or_else(|| "sumun".to_owned())
    }

    /// The value of the variable `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every setting that the environment replaces.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let to_override = |(name, value): (&String, &String)| {
            let path = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            Some(Override {
                name: name.clone(),
                path: path.split("__").map(str::to_owned).collect(),
                value: value.clone(),
            })
        };
        self.0.iter().filter_map(to_override).collect()
    }

    /// What programs may see that we start: where programs and files are, and nothing that may be secret.
    pub(crate) fn for_children(&self) -> BTreeMap<String, String> {
        let shown = ["PATH", "HOME", "LANG", "TMPDIR"].into_iter();
        shown
            .filter_map(|name| Some((name.to_owned(), self.get(name)?.to_owned())))
            .collect()
    }

    /// Where this person's programs keep their data (XDG base directory specification).
    pub(crate) fn data_home(&self) -> Option<PathBuf> {
        // The specification wants relative paths to be ignored.
        let absolute = |name| {
            self.get(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// The values may be secrets, so only the names are shown.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn two_underscores_lead_into_a_section() {
        let overrides = environment(&[("SUMUN_TOKENS__ACCESS_TOKEN", "5m"), ("PATH", "/bin")]);
        let [only] = &overrides.overrides()[..] else {
            panic!("{overrides:?}");
        };
        assert_eq!(only.path, ["tokens", "access_token"]);
        assert_eq!(only.value, "5m");
    }

    #[test]
    fn data_home_is_absolute() {
        let home = ("HOME", "/home/alice");
        let set = environment(&[home, ("XDG_DATA_HOME", "/data")]);
        assert_eq!(set.data_home(), Some("/data".into()));
        let relative = environment(&[home, ("XDG_DATA_HOME", "data")]);
        assert_eq!(
            relative.data_home(),
            Some("/home/alice/.local/share".into())
        );
        assert_eq!(environment(&[]).data_home(), None);
    }

    #[test]
    fn a11_values_are_not_printed() {
        let printed = format!("{:?}", environment(&[("SUMUN_X", "canary")]));
        assert!(!printed.contains("canary"));
    }
}

//! File, then environment, then flags: what comes later counts.
//!
//! Every layer is a table of the file's form. The variable of a setting is its path in capitals:
//! `kafka.token-file` is `FLOWMILL_KAFKA_TOKEN_FILE`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::Config;

/// Why there are no settings to work with. Names the place and never a secret's value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("the configuration {} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not in its form.
    #[error("the configuration {} is wrong: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the text around it, which may be a secret.
        message: String,
    },
    /// A variable's text is not what its setting takes.
    #[error("{variable} is wrong: {expected} is expected")]
    Variable {
        /// Its name.
        variable: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A value is none that its setting takes.
    #[error("the settings are wrong: {0}")]
    Value(String),
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    /// The file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// What flags say, by path.
    pub(crate) flags: Vec<(&'static str, Value)>,
}

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Secret,
    Number,
    Truth,
    List,
    Map,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    pub(super) about: String,
}

impl Setting {
    #[cfg(test)]
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }

    /// The variable that sets it; nothing sets a map but the file.
    pub(super) fn variable(&self) -> Option<String> {
        let name = self.path.join("_").replace('-', "_").to_uppercase();
        (self.kind != Kind::Map).then(|| format!("FLOWMILL_{name}"))
    }
}

/// Puts the layers together.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) fn load(layers: &Layers) -> Result<Config, ConfigError> {
    let mut table = layers.file.as_ref().map(read_file).transpose()?.unwrap_or_default();
    for setting in settings() {
        let Some(variable) = setting.variable() else { continue };
        if let Some(text) = layers.environment.get(&variable).filter(|text| !text.is_empty()) {
            let value = parse(setting.kind, text)
                .map_err(|expected| ConfigError::Variable { variable, expected })?;
            let path: Vec<_> = setting.path.iter().map(String::as_str).collect();
            put(&mut table, &path, value);
        }
    }
    for (path, value) in &layers.flags {
        put(&mut table, &path.split('.').collect::<Vec<_>>(), value.clone());
    }
    Config::deserialize(table).map_err(|error| ConfigError::Value(error.message().to_owned()))
}

fn read_file(path: &PathBuf) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::File { path: path.clone(), source })?;
    let form = |error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        ConfigError::Form { path: path.clone(), message: format!("{place}{}", error.message()) }
    };
    let table: Table = text.parse().map_err(form)?;
    // Checked alone as well, so that the error names the file and the line.
    toml::from_str::<Config>(&text).map_err(form)?;
    Ok(table)
}

fn put(table: &mut Table, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), value);
        return;
    }
    let inner = table.entry(*first).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        put(inner, rest, value);
    }
}

fn parse(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text | Kind::Secret => Ok(Value::String(text.to_owned())),
        Kind::Number => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Kind::Truth => text.parse().map(Value::Boolean).map_err(|_| "`true` or `false`"),
        Kind::List => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Ok(Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect()))
        }
        Kind::Map => Err("a setting in the file"),
    }
}

/// Every setting, in the file's order of sections.
pub(super) fn settings() -> Vec<Setting> {
    let generator = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let schema = generator.into_generator().into_root_schema_for::<Config>();
    let mut found = Vec::new();
    collect(&mut found, &[], schema.as_value());
    // Those of a section stand together, the top ones first.
    found.sort_by_key(|setting| (setting.path.len() > 1, setting.path.first().cloned()));
    found
}

fn collect(found: &mut Vec<Setting>, path: &[String], schema: &Json) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties {
        let path: Vec<_> = path.iter().cloned().chain([name.clone()]).collect();
        if property["properties"].is_object() {
            collect(found, &path, property);
        } else {
            let about = property["description"].as_str().unwrap_or_default().to_owned();
            found.push(Setting { path, kind: kind_of(property), about });
        }
    }
}

fn kind_of(property: &Json) -> Kind {
    let is = |name: &str| {
        property["type"] == name
            || property["type"].as_array().is_some_and(|types| types.contains(&name.into()))
    };
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    let chosen = alternatives.filter(|schema| schema["type"] != "null").map(kind_of).next();
    match chosen {
        Some(kind) => kind,
        None if property["format"] == "password" => Kind::Secret,
        None if is("integer") => Kind::Number,
        None if is("boolean") => Kind::Truth,
        None if is("array") => Kind::List,
        None if is("object") => Kind::Map,
        None => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(file: &str, environment: &[(&str, &str)]) -> (tempfile::TempDir, Layers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flowmill.toml");
        std::fs::write(&path, file).unwrap();
        let environment =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        (folder, Layers { file: Some(path), environment, flags: vec![] })
    }

    #[test]
    fn flags_count_before_the_environment_and_that_before_the_file() {
        let file = "cluster = 'a'\nnode = 'a'\n[kafka]\nbrokers = ['a:1']\nuser = 'a'\n";
        let environment = [("FLOWMILL_NODE", "b"), ("FLOWMILL_KAFKA_BROKERS", "b:1, b:2")];
        let (_folder, mut layers) = layers(file, &environment);
        layers.flags.push(("kafka.brokers", Value::Array(vec!["c:1".into()])));
        let config = load(&layers).unwrap();
        assert_eq!(config.cluster.as_deref(), Some("a"));
        assert_eq!(config.node.as_deref(), Some("b"));
        assert_eq!(config.kafka.brokers, ["c:1"]);
        assert_eq!(config.kafka.user.as_deref(), Some("a"));
    }

    #[test]
    fn every_setting_has_a_kind_a_manual_and_takes_its_variable() {
        let text = |setting: &Setting| match (setting.name().as_str(), setting.kind) {
            (_, Kind::Number) => "7",
            ("orchestrator.lifecycle", _) => "false",
            (_, Kind::Truth) => "true",
            ("listen.address" | "listen.internal", _) => "127.0.0.1:1",
            ("orchestrator.retention" | "orchestrator.static-member", _) => "1d",
            ("kafka.session-timeout", _) => "3s",
            ("gateway.balance", _) => "weighted",
            ("kafka.protocol", _) => "sasl-tls",
            ("kafka.mechanism", _) => "scram-sha-512",
            (_, Kind::Text | Kind::Secret | Kind::List | Kind::Map) => "text",
        };
        for setting in settings() {
            assert!(!setting.about.is_empty(), "{} has no manual", setting.name());
            let Some(variable) = setting.variable() else { continue };
            let environment = BTreeMap::from([(variable.clone(), text(&setting).to_owned())]);
            let loaded = load(&Layers { environment, ..Layers::default() });
            let config = loaded.unwrap_or_else(|error| panic!("{variable}: {error}"));
            assert_ne!(config, Config::default(), "{variable} changes nothing");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let check = |file: &str, environment: &[(&str, &str)], expect: &str| {
            let (_folder, layers) = layers(file, environment);
            let error = load(&layers).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("cluster = 'a'\nclustre = 'b'\n", &[], "line 2: unknown field `clustre`");
        check("[kafka\n", &[], "line 1: ");
        check("[worker]\nslots = 0\n", &[], "line 2: ");
        check("", &[("FLOWMILL_WORKER_SLOTS", "many")], "FLOWMILL_WORKER_SLOTS is wrong: a whole");
        check("", &[("FLOWMILL_LISTEN_INSECURE", "yes")], "`true` or `false` is expected");
        check("", &[("FLOWMILL_ORCHESTRATOR_RETENTION", "soon")], "use a duration");
        let one_of =
            "unknown variant `fair`, expected one of `least-busy`, `round-robin`, `weighted`";
        check("[gateway]\nbalance = 'fair'\n", &[], &format!("line 2: {one_of}"));
        check("", &[("FLOWMILL_GATEWAY_BALANCE", "fair")], one_of);
    }

    #[test]
    fn no_error_shows_a_secret() {
        let (_folder, layers) = layers("api-token = 'hunter2-hunter2'\nnode = 7\n", &[]);
        let error = load(&layers).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

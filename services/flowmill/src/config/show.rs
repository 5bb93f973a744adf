//! The settings in force, for people: the file's form, secrets hidden.

use super::Config;

/// The settings as a file would have them. A secret that is set is shown as `***`.
pub(crate) fn show(config: &Config) -> String {
    toml::to_string_pretty(config).expect("settings are tables of plain values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, load};

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same_but_for_secrets() {
        let environment = [
            ("FLOWMILL_API_TOKEN", "hunter2-hunter2"),
            ("FLOWMILL_KAFKA_PASSWORD", "hunter2-hunter2"),
            ("FLOWMILL_KAFKA_BROKERS", "a:1,b:2"),
            ("FLOWMILL_ORCHESTRATOR_RETENTION", "36h"),
        ];
        let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let config = load(&Layers { environment, ..Layers::default() }).unwrap();
        let shown = show(&config);
        assert!(!shown.contains("hunter2"), "{shown}");
        let again: Config = toml::from_str(&shown).unwrap();
        assert_eq!(again.kafka.brokers, config.kafka.brokers);
        assert_eq!(again.orchestrator, config.orchestrator);
        assert_eq!(show(&again), shown);
    }
}

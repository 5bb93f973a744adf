//! The manual of the settings, made from their own descriptions. A test keeps it up to date: with
//! `FLOWMILL_BLESS=1` it writes docs/reference/configuration.md, else it compares.

use std::fmt::Write;
use std::path::Path;

use super::layers::{Kind, Setting, settings};

const FILE: &str = "../../docs/reference/configuration.md";

const HEAD: &str = "\
# Configuration

What a node of a cluster can be told. A setting is taken from the file that `--config` or `FLOWMILL_CONFIG` names, in TOML; then from its
variable; then from a flag, where there is one: what comes later counts. `flowmill config check` says what is wrong with the settings,
`flowmill config show` prints those in force, without secrets.

`flowmill dev` needs none of this; its flags are in [the command line](cli.md).

Lists in variables have commas between their entries.
";

fn manual() -> String {
    let mut text = String::from(HEAD);
    let mut section = None;
    for setting in settings() {
        let own = (setting.path.len() > 1).then(|| setting.path[0].clone());
        if section.as_ref() != Some(&own) {
            let title = own.as_ref().map_or("The node".to_owned(), |name| format!("`[{name}]`"));
            write!(
                text,
                "\n## {title}\n\n| Setting | Variable | Takes | What it is |\n|---|---|---|---|\n"
            )
            .expect("writing to a string does not fail");
            section = Some(own);
        }
        text.push_str(&row(&setting));
    }
    text
}

fn row(setting: &Setting) -> String {
    let variable = setting.variable().map_or("-".to_owned(), |name| format!("`{name}`"));
    let takes = match setting.kind {
        Kind::Text => "text",
        Kind::Secret => "text, never shown",
        Kind::Number => "a whole number",
        Kind::Truth => "`true` or `false`",
        Kind::List => "a list of texts",
        Kind::Map => "a table of texts",
    };
    let about = setting.about.replace('\n', " ");
    format!("| `{}` | {variable} | {takes} | {about} |\n", setting.name())
}

#[test]
fn the_manual_says_what_the_configuration_takes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let manual = manual();
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(&file, &manual).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == manual,
        "docs/reference/configuration.md is out of date; write it anew with FLOWMILL_BLESS=1"
    );
}

//! The values of secrets: from the environment and from a folder.
//!
//! The environment is read once. A file of the folder is read when a call needs it, so that a
//! value can be changed without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowmill_model::limits;
use tokio::io::AsyncReadExt;

/// What the name of a secret's variable begins with.
const PREFIX: &str = "FLOWMILL_SECRET_";

/// Where secrets come from. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Sources>);

#[derive(Clone, Default)]
struct Sources {
    named: BTreeMap<String, String>,
    folder: Option<PathBuf>,
}

/// The values that one call needs. Shows none of them.
pub(crate) struct Values(BTreeMap<String, String>);

impl Secrets {
    /// Takes the variables whose names begin with `FLOWMILL_SECRET_`; the rest of the name is the
    /// secret's.
    pub fn from_environment() -> Self {
        let mut secrets = Self::default();
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let Some(secret) = name.strip_prefix(PREFIX) else { continue };
            match value.into_string() {
                Ok(value) => secrets = secrets.with(secret, value),
                Err(_) => tracing::warn!(name, "the value of a secret is no UTF-8 and is ignored"),
            }
        }
        secrets
    }

    /// Adds a secret by its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).named.insert(name.to_owned(), value.into());
        self
    }

    /// Takes secrets that have no value yet from the files of a folder: the file's name is the
    /// secret's, one line break at its end is left out.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.0).folder = Some(folder.into());
        self
    }

    /// The values of the secrets with these names, as far as there are any.
    pub(crate) async fn values(&self, names: BTreeSet<String>) -> Values {
        let mut values = BTreeMap::new();
        for name in names {
            if let Some(value) = self.value(&name).await {
                values.insert(name, value);
            }
        }
        Values(values)
    }

    async fn value(&self, name: &str) -> Option<String> {
        if let Some(value) = self.0.named.get(name) {
            return Some(value.clone());
        }
        let folder = self.0.folder.as_ref().filter(|_| is_file_name(name))?;
        match read(&folder.join(name)).await {
            Ok(value) => Some(value),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, name, "the file of a secret cannot be read");
                None
            }
        }
    }
}

/// Whether a secret of this name may be looked for in a folder.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

async fn read(path: &Path) -> std::io::Result<String> {
    let mut value = String::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(limits::SECRET_BYTES + 1).read_to_string(&mut value).await?;
    if value.len() as u64 > limits::SECRET_BYTES {
        return Err(std::io::Error::other("it is larger than a secret may be"));
    }
    if value.ends_with('\n') {
        value.pop();
    }
    if value.ends_with('\r') {
        value.pop();
    }
    Ok(value)
}

impl Values {
    /// The value of a secret.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

impl fmt::Debug for Secrets {
    /// Shows names and never values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.named.keys().collect();
        f.debug_struct("Secrets").field("named", &names).field("folder", &self.0.folder).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn value(secrets: &Secrets, name: &str) -> Option<String> {
        secrets.values(BTreeSet::from([name.to_owned()])).await.get(name)
    }

    #[tokio::test]
    async fn a_folder_holds_what_is_not_named_and_is_never_left() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("secrets");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(root.path().join("OUTSIDE"), "no").expect("a file");
        std::fs::write(folder.join("FILED"), "from a file\r\n").expect("a file");
        std::fs::write(folder.join("BOTH"), "file").expect("a file");
        let large = vec![b'x'; usize::try_from(limits::SECRET_BYTES).expect("it fits") + 1];
        std::fs::write(folder.join("LARGE"), large).expect("a file");
        let secrets = Secrets::default().with("BOTH", "named").in_folder(&folder);
        assert_eq!(value(&secrets, "FILED").await.as_deref(), Some("from a file"));
        assert_eq!(value(&secrets, "BOTH").await.as_deref(), Some("named"));
        for missing in ["", "NONE", "LARGE", "../OUTSIDE", "..", "/etc/hostname"] {
            assert_eq!(value(&secrets, missing).await, None, "{missing}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", Secrets::default().with("KEY", "canary"));
        assert!(shown.contains("KEY") && !shown.contains("canary"), "{shown}");
    }
}

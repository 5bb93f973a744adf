//! Python with the Kafka client that the example worker needs: installed once, kept in the cache.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A Python that has the packages of an example.
pub(crate) struct Python {
    program: PathBuf,
    example: PathBuf,
}

/// A worker that runs. Killed when this is dropped.
pub(crate) struct PythonWorker {
    child: Child,
    said: File,
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl PythonWorker {
    /// What it has printed so far.
    pub(crate) fn said(&self) -> String {
        let mut said = self.said.try_clone().unwrap();
        let mut text = String::new();
        said.rewind().unwrap();
        said.read_to_string(&mut text).unwrap();
        text
    }
}

impl Python {
    /// Python with a Kafka client.
    pub(crate) fn with_kafka() -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/workers");
        let (example, cache) = (examples.join("python-kafka"), flowmill_rig::cache_folder());
        let folder = cache.join("python").join("python-kafka");
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let lock = File::create(folder.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let (program, done) = (folder.join("bin").join("python"), folder.join("installed.txt"));
        let packages = example.join("requirements.txt");
        let wanted = fs::read_to_string(&packages).unwrap();
        if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
            return Self { program, example };
        }
        let missing = "install Python 3.9 or later with its venv module, such as by \
                       `apt-get install python3-venv`";
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder), missing);
        let mut install = Command::new(&program);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(
            install.arg(packages),
            "the packages are fetched from PyPI: see that it can be reached",
        );
        fs::write(done, wanted).unwrap();
        Self { program, example }
    }

    /// Runs the example's worker against brokers.
    pub(crate) fn worker(&self, brokers: &str, prefix: &str) -> PythonWorker {
        let said = tempfile::tempfile().unwrap();
        let mut worker = Command::new(&self.program);
        worker.arg("-u").arg(self.example.join("worker.py")).arg(brokers);
        worker.env("FLOWMILL_TOPIC_PREFIX", prefix).env("PYTHONDONTWRITEBYTECODE", "1");
        worker.stdin(Stdio::null()).stdout(said.try_clone().unwrap());
        let child = worker.stderr(said.try_clone().unwrap()).spawn().unwrap();
        PythonWorker { child, said }
    }
}

/// Runs a program to its end; otherwise says what to do.
fn run(command: &mut Command, otherwise: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; {otherwise}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}\n{otherwise}");
}

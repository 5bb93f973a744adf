//! Python with what the example worker needs: installed once, kept in the cache.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::program::repository_file;
use crate::server::Dev;

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
    /// Python with gRPC.
    pub(crate) fn with_grpc() -> Self {
        Self::with("python-grpc")
    }

    /// An environment with the packages that the example's `requirements.txt` names.
    fn with(example: &str) -> Self {
        let example = repository_file("examples/workers").join(example);
        let cache = flowmill_rig_cache();
        fs::create_dir_all(&cache).unwrap();
        let name = example.file_name().unwrap().to_str().unwrap().to_owned();
        let lock = File::create(cache.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let (folder, done) = (cache.join(&name), cache.join(&name).join("installed.txt"));
        let program = folder.join("bin").join("python");
        let wanted = fs::read_to_string(example.join("requirements.txt")).unwrap();
        if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
            return Self { program, example };
        }
        let missing = "install Python 3.9 or later with its venv module, such as by \
                       `apt-get install python3-venv`";
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder), missing);
        let packages = example.join("requirements.txt");
        let mut install = Command::new(&program);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(
            install.arg(packages),
            "the packages are fetched from PyPI: see that it can be reached",
        );
        fs::write(done, wanted).unwrap();
        Self { program, example }
    }

    /// Runs the example's worker against a server.
    pub(crate) fn worker(&self, server: &Dev, folder: &Path) -> PythonWorker {
        let mut generate = Command::new(&self.program);
        generate.args(["-m", "grpc_tools.protoc", "-I"]).arg(repository_file("proto"));
        generate.arg(format!("--python_out={}", folder.display()));
        generate.arg(format!("--grpc_python_out={}", folder.display()));
        run(
            generate.arg("flowmill/v1/worker.proto"),
            "the protocol's description does not compile",
        );
        let mut said = tempfile::tempfile().unwrap();
        said.flush().unwrap();
        let mut worker = Command::new(&self.program);
        worker.arg("-u").arg(self.example.join("worker.py"));
        worker.arg(server.url.trim_start_matches("http://"));
        worker.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1");
        worker.stdin(Stdio::null()).stdout(said.try_clone().unwrap());
        let child = worker.stderr(said.try_clone().unwrap()).spawn().unwrap();
        PythonWorker { child, said }
    }
}

/// Where what tests fetch is kept.
fn flowmill_rig_cache() -> PathBuf {
    flowmill_rig::cache_folder().join("python")
}

/// Runs a program to its end; otherwise says what to do.
fn run(command: &mut Command, otherwise: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; {otherwise}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}\n{otherwise}");
}

/// Posts JSON and gives the body of the answer.
pub(crate) fn post(url: &str, body: &str) -> String {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

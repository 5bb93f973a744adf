//! Ways of the process: who may start it, how it ends.

use crate::program::{Files, command, flowmill};
use crate::server::Dev;

#[test]
fn a_server_that_is_not_there_is_code_3_and_says_how_to_start_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for arguments in [&["flows", "list"][..], &["executions", "list"], &["start", "shop/orders"]] {
        let ended = flowmill(&[arguments, &["--server", &url]].concat()).with_code(3);
        assert!(ended.stderr.contains("flowmill dev"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let ended = command().args(["flows", "list"]).env("FLOWMILL_SERVER", &url).output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let files = Files::new();
    let data = files.path().join("data");
    let data = data.to_str().unwrap();
    let ended = flowmill(&["dev", "--listen", "0.0.0.0:0", "--data-dir", data]).with_code(2);
    assert!(ended.stderr.contains("--insecure"), "{}", ended.stderr);
    assert!(!std::path::Path::new(data).exists());
}

#[test]
fn an_address_in_use_is_said() {
    let files = Files::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = files.path().join("data");
    let ended =
        flowmill(&["dev", "--listen", &address, "--data-dir", data.to_str().unwrap()]).with_code(2);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}

#[test]
fn a_second_process_is_kept_from_the_data() {
    let files = Files::new();
    let _first = Dev::start(files.path());
    let data = files.path().to_str().unwrap();
    let ended = flowmill(&["dev", "--listen", "127.0.0.1:0", "--data-dir", data]).with_code(1);
    assert!(ended.stderr.contains("another process"), "{}", ended.stderr);
}

#[test]
fn a_server_that_is_asked_to_end_ends_with_code_0() {
    let files = Files::new();
    let said = Dev::start(files.path()).terminate_and_hear();
    assert!(!said.contains("WARN"), "{said}");
    // What it left is whole.
    assert_eq!(Dev::start(files.path()).terminate().code(), Some(0));
}

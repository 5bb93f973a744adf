//! Begins a node's process anew, such that the C libraries in it are handed zeroed memory.
//!
//! librdkafka 2.12 counts entries of a list that it then leaves out, and reads what it has not
//! written, when a broker that comes back does not know yet who leads a partition
//! (confluentinc/librdkafka#5280). With leftovers of other memory there the process can crash; with
//! zeros the entries are passed over. The C library zeroes what it hands out if it is told so by a
//! variable, which it reads once, when a process begins. Rust's own memory is another allocator's.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable that glibc reads.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// What it is told. It fills memory with the complement of this byte, but for what it has kept for
/// one thread; so nothing is to be kept.
const ZEROED: &str = "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0";

/// The tunable, whatever it is set to.
const NAME: &str = "glibc.malloc.perturb=";

/// Begins this process anew unless it has been told already. Goes on as it is where that cannot be
/// done, and returns at once where the C library is another one.
pub(crate) fn with_zeroed_memory() {
    let set = env::var(TUNABLES).unwrap_or_default();
    let Some(tunables) = wanted(&set).filter(|_| cfg!(target_env = "gnu")) else { return };
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // Returns only if it fails. It is the same process: nothing was started yet, and it keeps its id.
    let error = command.args(arguments).env(TUNABLES, tunables).exec();
    eprintln!("flowmill: the process cannot begin anew, and goes on: {error}");
}

/// The variable's value with what is wanted; `None` if that was decided already.
fn wanted(set: &str) -> Option<String> {
    if set.contains(NAME) {
        return None;
    }
    Some(if set.is_empty() { ZEROED.to_owned() } else { format!("{set}:{ZEROED}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_already_stays() {
        let check = |set: &str, expect: Option<&str>| {
            assert_eq!(wanted(set).as_deref(), expect, "{set}");
        };
        check("", Some(ZEROED));
        check("glibc.malloc.check=1", Some(&format!("glibc.malloc.check=1:{ZEROED}")));
        check(ZEROED, None);
        check("glibc.malloc.check=1:glibc.malloc.perturb=0", None);
    }
}

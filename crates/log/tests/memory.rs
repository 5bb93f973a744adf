//! The conformance suite on the log in memory.

use std::sync::Arc;

use flowmill_log::conformance::Subject;
use flowmill_log::memory::{Derivable, MemorySettings};
use flowmill_log::{Log, MemoryLog};
use futures::FutureExt;
use futures::future::ready;

fn subject(derivable: Derivable) -> Subject {
    let log = MemoryLog::with(MemorySettings { derivable, ..MemorySettings::default() });
    Subject::new(move || ready(Arc::new(log.session()) as Arc<dyn Log>).boxed())
}

mod surviving {
    flowmill_log::log_conformance!(super::subject(super::Derivable::Survives));
}

mod losing {
    flowmill_log::log_conformance!(super::subject(super::Derivable::LostByNextSession));
}

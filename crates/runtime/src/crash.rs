//! Named places at which a test can have the process die.
//!
//! In a debug build, `FLOWMILL_CRASH_AT=name` or `name:5` ends the process without any farewell
//! when it passes the place of that name, for the first or the fifth time. A release build has
//! nothing of it.

/// Every place, in the order in which a start meets them.
pub const PLACES: [&str; 8] = [
    "claim-appended",
    "command-appended",
    "batch-appended",
    "batch-committed",
    "outputs-sent",
    "result-appended",
    "rows-written",
    "watermark-written",
];

/// Passes the place of this name.
#[cfg(not(debug_assertions))]
pub const fn point(_name: &'static str) {}

/// Passes the place of this name.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    debug_assert!(PLACES.contains(&name), "{name} is not among the places");
    if let Some(plan) = armed::PLAN.as_ref().filter(|plan| plan.place == name) {
        plan.pass();
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(super) static PLAN: LazyLock<Option<Plan>> =
        LazyLock::new(|| std::env::var("FLOWMILL_CRASH_AT").ok().map(|text| Plan::parse(&text)));

    /// Where the process dies, and how many passes from now.
    pub(super) struct Plan {
        pub(super) place: String,
        left: AtomicU64,
    }

    impl Plan {
        fn parse(text: &str) -> Self {
            let (place, passes) = text.split_once(':').unwrap_or((text, "1"));
            let passes = passes.parse().expect("FLOWMILL_CRASH_AT is NAME or NAME:PASSES");
            Self { place: place.to_owned(), left: AtomicU64::new(passes) }
        }

        pub(super) fn pass(&self) {
            if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                std::process::abort();
            }
        }
    }
}

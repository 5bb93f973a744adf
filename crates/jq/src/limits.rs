//! What one evaluation may use.

/// The bounds of one evaluation. Over a bound it ends with a [`Fault`](crate::Fault).
///
/// The defaults keep every evaluation below about 50 ms of one core and 256 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: one for each instruction, and one for each piece of work inside a function that
    /// takes about as long (an element looked at, 32 bytes of text moved).
    pub steps: u64,
    /// Bytes allocated in total, whether they are still in use or not.
    pub bytes: u64,
    /// Entries of the machine's stacks: values, calls, and points to go back to.
    pub stack: usize,
    /// Levels of arrays and objects inside each other. Walking a value calls itself for each
    /// level, so at most [`Limits::NESTING_MAX`].
    pub nesting: usize,
}

impl Limits {
    /// The deepest nesting that every walk over a value can afford on a stack of 2 MiB.
    pub const NESTING_MAX: usize = 1_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            bytes: 96 * 1024 * 1024,
            stack: 200_000,
            nesting: Self::NESTING_MAX,
        }
    }
}

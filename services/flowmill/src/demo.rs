//! What the demonstration is made of: orders, a service that takes them, and the check that the
//! service got exactly what it should.

pub(crate) mod check;
pub(crate) mod orders;
pub(crate) mod sink;
pub(crate) mod timeline;

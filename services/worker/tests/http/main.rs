//! The worker of `http.request` nodes against real servers.

mod answers;
mod bounds;
mod outgoing;
mod redirects;
mod requests;
mod rig;
mod secrets;
mod sharing;

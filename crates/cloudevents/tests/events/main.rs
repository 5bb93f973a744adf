//! Events as others send them, as we send them, and what is none.

mod broken;
mod conformance;
mod gherkin;
mod round_trip;

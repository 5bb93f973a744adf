//! A filter that is asked for each span and each event.
//!
//! Layers with filters of their own note per thread which of them left out what comes next. A
//! library that only asks whether something would be logged (`log_enabled!`, as a Kafka client does
//! when it is made) leaves such a note behind. What comes next on the thread is lost for those
//! layers, unless they are asked again; and they are not asked where all of them said once that they
//! always want it. So none says always.

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};

/// A filter whose consent is never kept.
#[derive(Debug)]
pub(crate) struct Afresh<F>(pub(crate) F);

impl<S: Subscriber, F: Filter<S>> Filter<S> for Afresh<F> {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.0.enabled(metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.0.callsite_enabled(metadata);
        if interest.is_always() { Interest::sometimes() } else { interest }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        self.0.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tracing::Level;
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Layer, Registry};

    use super::*;

    /// A layer that counts the spans it sees.
    struct Counting(Arc<AtomicU32>);

    impl<S: Subscriber> Layer<S> for Counting {
        fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_question_whether_something_is_logged_hides_nothing_that_follows() {
        let (everything, ours) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let (all, own) = (LevelFilter::INFO, Targets::new().with_target("own", LevelFilter::INFO));
        let layers = Registry::default()
            .with(Counting(Arc::clone(&everything)).with_filter(Afresh(all)))
            .with(Counting(Arc::clone(&ours)).with_filter(Afresh(own)));
        tracing::subscriber::with_default(layers, || {
            for _ in 0..3 {
                drop(tracing::info_span!(target: "own", "work"));
                assert!(tracing::enabled!(target: "another", Level::INFO));
            }
        });
        assert_eq!(everything.load(Ordering::Relaxed), 3);
        assert_eq!(ours.load(Ordering::Relaxed), 3);
    }
}

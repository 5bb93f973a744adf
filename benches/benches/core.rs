//! The pure core: what one decision costs, and what it costs to write it down and read it again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowmill_benches::{MOMENT, batch, flow, input, nothing, report, start, started};
use flowmill_engine::{Execution, decide, evolve};
use flowmill_flow::{Json, NodeKind, Scope};
use flowmill_model::event::Event;
use flowmill_model::history::HistoryRecord;

fn deciding(criterion: &mut Criterion) {
    let flow = flow();
    let (nothing, start) = (nothing(), start(&flow));
    criterion.bench_function("decide/start", |bencher| {
        bencher.iter(|| decide(&flow, &nothing, black_box(&start), &MOMENT));
    });
    let started = started(&flow).after;
    let report = report(&started);
    criterion.bench_function("decide/result", |bencher| {
        bencher.iter(|| decide(&flow, black_box(&started), &report, &MOMENT));
    });
}

fn evolving(criterion: &mut Criterion) {
    let events = started(&flow()).events;
    criterion.bench_function("evolve/start", |bencher| {
        bencher.iter(|| {
            let mut execution = nothing();
            black_box(&events).iter().for_each(|event| evolve(&mut execution, event));
            execution
        });
    });
}

fn encoding(criterion: &mut Criterion) {
    let decision = started(&flow());
    criterion.bench_function("encode/events", |bencher| {
        bencher.iter(|| Event::encode_all(black_box(&decision.events)));
    });
    criterion.bench_function("encode/state", |bencher| {
        bencher.iter(|| black_box(&decision.after).encode());
    });
    let (events, state) = (Event::encode_all(&decision.events), decision.after.encode());
    criterion.bench_function("decode/events", |bencher| {
        bencher.iter(|| Event::decode_all(black_box(&events)));
    });
    criterion.bench_function("decode/state", |bencher| {
        bencher.iter(|| Execution::decode(black_box(&state)));
    });
    let batch = batch(&flow(), 100);
    let bytes = batch.encode();
    let mut group = criterion.benchmark_group("batch of 100");
    group.throughput(Throughput::Elements(100));
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&batch).encode()));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| HistoryRecord::decode(black_box(&bytes)));
    });
    group.finish();
}

fn expressions(criterion: &mut Criterion) {
    let flow = flow();
    let value = Json::parse(input().as_bytes()).expect("the sample is JSON");
    let scope = Scope { input: value.clone(), ..Scope::default() };
    for node in flow.nodes() {
        match &node.kind {
            NodeKind::Filter { condition } => {
                criterion.bench_function("expression/condition", |bencher| {
                    bencher.iter(|| condition.condition(black_box(&value), &scope));
                });
            }
            NodeKind::Map { expression } if node.id == "shape" => {
                criterion.bench_function("expression/object", |bencher| {
                    bencher.iter(|| expression.evaluate(black_box(&value), &scope));
                });
            }
            NodeKind::Start
            | NodeKind::End
            | NodeKind::Map { .. }
            | NodeKind::Set { .. }
            | NodeKind::Switch { .. }
            | NodeKind::Merge { .. }
            | NodeKind::Wait(_)
            | NodeKind::Signal { .. }
            | NodeKind::ForEach { .. }
            | NodeKind::While { .. }
            | NodeKind::Try { .. }
            | NodeKind::Race { .. }
            | NodeKind::Fail { .. }
            | NodeKind::Task { .. }
            | NodeKind::HttpRequest { .. }
            | NodeKind::KafkaProduce { .. } => {}
        }
    }
    criterion.bench_function("json/parse", |bencher| {
        bencher.iter(|| Json::parse(black_box(input().as_bytes())));
    });
}

criterion_group!(core, deciding, evolving, encoding, expressions);
criterion_main!(core);

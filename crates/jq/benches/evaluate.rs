//! What an evaluation costs: small expressions as flows have them, and the bounds themselves.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flowmill_jq::{Limits, Program, Value};

fn compiled(source: &str) -> Program {
    Program::compile(source, &["input", "nodes"], 128).expect("it compiles")
}

fn given(program: &Program, input: &Value) -> usize {
    program.run(input.clone(), Vec::new(), Limits::default()).count()
}

/// An order of about 1 KB.
fn document() -> Value {
    let line =
        "{sku: \"sku-\\(.)\", price: (. * 100 + 99), count: (. % 3 + 1), note: \"as agreed\"}";
    let source = format!(
        "{{id: \"order-4711\", amount: 250, status: \"open\", lines: [range(12) | {line}]}}"
    );
    let program = compiled(&source);
    let mut outputs = program.run(Value::Null, Vec::new(), Limits::default());
    outputs.next().expect("an output").expect("a value")
}

fn expressions(criterion: &mut Criterion) {
    let document = document();
    for (name, source) in [
        ("condition", ".amount > 100 and .status == \"open\""),
        ("map", "{id: .id, total: (.lines | map(.price * .count) | add)}"),
        ("update", ".lines |= map(select(.count > 1)) | .status = \"checked\""),
        ("pattern", ".id | test(\"^order-[0-9]+$\")"),
        ("group", ".lines | group_by(.count) | map({n: length, sum: (map(.price) | add)})"),
    ] {
        let program = compiled(source);
        criterion.bench_function(&format!("evaluate/{name}"), |bencher| {
            bencher.iter(|| given(&program, black_box(&document)));
        });
        criterion.bench_function(&format!("compile/{name}"), |bencher| {
            bencher.iter(|| compiled(black_box(source)));
        });
    }
}

/// How long it takes to run into each bound.
fn bounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bound");
    group.sample_size(10);
    for (name, source) in [
        ("steps", "def f: f; f"),
        ("stack", "def f: 1 + f; f"),
        ("memory", "reduce range(1e9) as $i (\"\"; . + \"xxxxxxxx\")"),
        ("collect", "[range(1e18)]"),
        ("shared", "reduce range(60) as $i ([]; [., .]) | tojson"),
        ("sort", "[range(1e5) | -. | tojson] | sort | sort | sort"),
    ] {
        let program = compiled(source);
        group.bench_function(name, |bencher| bencher.iter(|| given(&program, &Value::Null)));
    }
    group.finish();
}

criterion_group!(evaluate, expressions, bounds);
criterion_main!(evaluate);

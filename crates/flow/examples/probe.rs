fn main() {
    let args: Vec<String> = std::env::args().collect();
    let depth: usize = args[2].parse().unwrap();
    let kb: usize = args[3].parse().unwrap();
    let nest = |open: &str, core: &str, close: &str, levels: usize| format!("{}{core}{}", open.repeat(levels), close.repeat(levels));
    let sources = [
        nest("(", ".", ")", depth / 2),
        nest("[", ".", "]", depth/2),
        nest("{a:", ".", "}", depth/2),
        nest("\"\\(", ".", ")\"", depth / 3),
        nest("-", "1", "", depth),
        nest("if . then ", ".", " end", depth),
        nest("try ", ".", "", depth),
        nest("try (", ".", ") catch .", depth / 3),
        nest(". as $x | ", ".", "", depth / 2),
        nest("label $x | ", ".", "", depth / 2),
        nest("reduce . as $x (.; ", ".", ")", depth / 3),
        nest("first(", ".", ")", depth / 2),
        nest("map(", ".", ")?", depth / 2),
        format!(".{}", " | .".repeat(depth)),
        format!("1{}", " + 1".repeat(depth)),
        format!("1{}", " // 1".repeat(depth)),
        format!("1{}", " and 1".repeat(depth)),
        format!("[1{}]", ", 1".repeat(depth)),
        format!(". = 1{}", " | .a? = 1".repeat(depth / 3)),
        format!("{{a:1{}}}", ", a: 1".repeat(depth)),
        nest("walk(", ".", ")", depth / 2),
        nest("[.[]|", ".", "]", depth/3),
        nest("(.[] |= ", ".", ")", depth/3),
        nest("foreach . as $x (.; ", ".", ")", depth / 3),
        nest("map_values(", ".", ")", depth / 2),
        nest("sort_by(", ".", ")", depth / 2),
        nest("path(", ".", ")", depth / 2),
    ];
    let n: usize = args[1].parse().unwrap();
    if n >= sources.len() { std::process::exit(3) }
    let source = sources[n].clone();
    std::thread::Builder::new().stack_size(kb * 1024).spawn(move || {
        let node = serde_json::json!({"flowmill":1,"document":{"namespace":"a","name":"b","version":"1.0.0"},"nodes":[{"id":"s","type":"start"},{"id":"m","type":"map","parameters":{"expression":source}}],"connections":["s.out -> m.in"]});
        let flow = match flowmill_flow::compile(node.to_string().as_bytes(), flowmill_flow::Format::Json) { Ok(f)=>f, Err(e)=>{println!("{} {}", n, e[0]); std::process::exit(4)} };
        let flowmill_flow::NodeKind::Map { expression } = flow.nodes()[1].kind.clone() else { panic!() };
        for input in [format!("{}1{}", "[".repeat(120), "]".repeat(120)), format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120)), "1".into()] {
            let input = flowmill_flow::Json::parse(input.as_bytes()).unwrap();
            let _ = expression.evaluate(&input, &Default::default());
        }
    }).unwrap().join().unwrap();
}

//! Compiles the protocol files without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["flowmill/v1/shard.proto", "flowmill/v1/worker.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let described = protox::compile(files, ["."])?;
    tonic_prost_build::configure().bytes(".flowmill.v1").compile_fds(described)?;
    Ok(())
}

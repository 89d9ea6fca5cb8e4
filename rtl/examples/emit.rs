fn main() {
    let a: Vec<String> = std::env::args().collect();
    let config = hashwalk_spec::Config::load(&a[1]).unwrap();
    let design = hashwalk_rtl::generate(&config);
    std::fs::create_dir_all(&a[2]).unwrap();
    for f in &design.files {
        std::fs::write(format!("{}/{}", a[2], f.name), &f.text).unwrap();
    }
}

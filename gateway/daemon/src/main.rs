//! The program `hotline`.
fn main() {}

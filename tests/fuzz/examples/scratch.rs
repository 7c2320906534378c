fn main() {
    println!("{}", hotline_fuzz::replay_corpora().unwrap());
    let mut x: u64 = 88172645463325252;
    let mut rnd = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    for (name, body) in hotline_fuzz::TARGETS {
        if *name != "sdp" && *name != "rtp" {
            continue;
        }
        let seeds: Vec<Vec<u8>> = std::fs::read_dir(format!("tests/fuzz/corpus/{name}"))
            .unwrap()
            .map(|e| std::fs::read(e.unwrap().path()).unwrap())
            .collect();
        for round in 0..300_000usize {
            let mut b = seeds[round % seeds.len()].clone();
            for _ in 0..=(rnd() % 8) {
                if b.is_empty() {
                    break;
                }
                let at = (rnd() as usize) % b.len();
                match rnd() % 4 {
                    0 => b[at] = rnd() as u8,
                    1 => {
                        b.remove(at);
                    }
                    2 => b.insert(at, b"0:/ \n=\xFF9"[(rnd() % 8) as usize]),
                    _ => {
                        let k = (rnd() as usize) % b.len();
                        let (a, c) = (at.min(k), at.max(k));
                        let mut d = b[a..c].to_vec();
                        d.truncate(60);
                        b.splice(at..at, d);
                    }
                }
            }
            body(&b);
        }
        println!("{name} ok");
    }
}

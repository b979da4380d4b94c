//! tmp
fn main() {
    for seed in 1..=5 {
        let s = audit::simulate::simulate(seed, 30, &audit::rule::Thresholds::default());
        println!(
            "seed {seed} events {} detected {} false {} = {:.2}/10k",
            s.benign_events,
            s.detected(),
            s.false_alerts.len(),
            s.false_alerts_per_10k
        );
        for d in &s.scenarios {
            if !d.detected {
                println!("  MISSED {:?}", d);
            } else {
                println!("  {} {:?} ev {:?} s", d.rule, d.events, d.seconds);
            }
        }
        let mut m = std::collections::BTreeMap::new();
        for f in &s.false_alerts {
            *m.entry((f.alert.rule, f.reason, f.alert.threshold))
                .or_insert(0) += 1;
        }
        println!("  {m:?}");
    }
}

use super::*;

fn traffic(processes: u64) -> Traffic {
    Traffic::new(&crate::scale::tests::LIMITS, 1, processes).expect("limits by source")
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix(second)
}

#[test]
fn units_are_those_of_the_documented_table() {
    let requests = [
        (Request::GetUser { user: 1 }, 1.0, 0.0),
        (Request::LogIn { user: 1, source: 1 }, 3.0, 3.0),
        (Request::WrongPassword { user: 1, source: 1 }, 3.0, 2.0),
        (Request::UnknownName { name: 1, source: 1 }, 3.0, 2.0),
        (
            Request::ResetUnknown {
                address: 1,
                source: 1,
            },
            2.0,
            1.0,
        ),
        // 3 and 2 of the request, 4 and 3 of the mail.
        (Request::Reset { user: 1, source: 1 }, 7.0, 5.0),
        (Request::SignUp { user: 1, source: 1 }, 1.0, 9.0),
    ];
    for (request, reads, writes) in requests {
        let mut traffic = traffic(1);
        traffic.serve(request, at(0), 0).expect("valid keys");
        let tables = [&traffic.users, &traffic.transient, &traffic.counters];
        let (mut found_reads, mut found_writes) = (0.0, 0.0);
        for table in tables {
            found_reads += table.total().reads;
            found_writes += table.total().writes;
        }
        assert_eq!((found_reads, found_writes), (reads, writes), "{request:?}");
    }
}

#[test]
fn a_source_over_its_limit_costs_a_read_a_minute_in_each_process() {
    let mut traffic = traffic(1);
    let request = Request::ResetUnknown {
        address: 1,
        source: 7,
    };
    let max = traffic.by_source.resets;
    for second in 0..u64::from(max) + 600 {
        traffic.serve(request, at(second), 0).expect("valid keys");
    }
    let counter = SourceLimit::Resets.counter("0.0.0.7");
    let load = traffic.counters.load(counter.as_str());
    let max = f64::from(max);
    assert_eq!((load.reads, load.writes), (max + 10.0, max));
    assert_eq!(traffic.refusals, 600);
}

#[test]
fn a_locked_account_is_read_and_not_written() {
    let mut traffic = traffic(1);
    for source in 0..1_000 {
        let request = Request::WrongPassword { user: 1, source };
        traffic.serve(request, at(0), 0).expect("valid keys");
    }
    let load = traffic.users.load(&user_key(id(1).expect("an id")));
    let free = f64::from(traffic.limits.wrong_passwords);
    assert_eq!((load.reads, load.writes), (1_000.0, free));
}

#[test]
fn a_process_reads_the_public_keys_once_a_minute() {
    let mut traffic = traffic(3);
    for second in 0..120 {
        for process in 0..3 {
            let request = Request::GetUser { user: second };
            traffic
                .serve(request, at(second), process)
                .expect("valid keys");
        }
    }
    let load = traffic.keys.load("jwks");
    assert_eq!((load.reads, load.writes), (6.0, 0.0));
}

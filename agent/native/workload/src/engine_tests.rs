use super::*;
use std::cell::Cell;

/// A heap pool that the engine may fill up to its size.
fn engine(pages: usize) -> Engine {
    let bytes = Pool::bytes_for(pages);
    let layout = std::alloc::Layout::from_size_align(bytes, PAGE_BYTES).unwrap();
    // SAFETY: the layout is not empty; the memory is leaked, so it outlives every pool over it.
    let base = unsafe { std::alloc::alloc_zeroed(layout) } as usize;
    let make = move |filled| {
        // SAFETY: `base` is page aligned and never freed; each test uses one pool at a time.
        unsafe { Pool::over(base as *mut u8, bytes, 3, filled, None) }
    };
    let provide = Box::new(move |wanted| match wanted <= bytes {
        true => Ok(make(0)),
        false => Err("too big".to_owned()),
    });
    Engine::new(make(0), provide)
}

/// Runs some periods, from the start of a clock on which every look costs 0.1 ms; rests pass at once.
fn run(engine: &mut Engine, periods: usize) -> (Vec<Rest>, Vec<String>) {
    let now = Cell::new(Duration::ZERO);
    let clock = || {
        now.set(now.get() + Duration::from_micros(100));
        now.get()
    };
    engine.begin = None;
    let (mut rests, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..periods {
        let rest = engine.period(&clock, &|| false, &mut |line| answers.push(line));
        if let Rest::For(pause) = rest {
            now.set(now.get() + pause);
        }
        rests.push(rest);
    }
    (rests, answers)
}

#[test]
fn without_load_the_engine_sleeps_until_it_is_told() {
    let mut engine = engine(256);
    assert_eq!(run(&mut engine, 1).0, [Rest::Forever]);
}

#[test]
fn half_a_load_rests_for_half_of_each_period_and_works_steadily() {
    let mut engine = engine(256);
    engine
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    engine.apply(&Command::Load { percent: 50 }).unwrap();
    let (rests, _) = run(&mut engine, 1);
    let Rest::For(rest) = rests[0] else {
        panic!("rests forever")
    };
    assert!(rest > PERIOD / 2 - Duration::from_millis(1) && rest <= PERIOD / 2);
    let work = engine.state().work;
    assert!(
        (245..=250).contains(&work),
        "25 ms at 0.1 ms a visit: {work}"
    );
    assert_eq!(engine.state().bad, 0);
}

#[test]
fn a_rest_cut_short_by_a_command_is_not_worked_through() {
    let mut engine = engine(256);
    engine.apply(&Command::Load { percent: 50 }).unwrap();
    let now = Cell::new(Duration::ZERO);
    let clock = || {
        now.set(now.get() + Duration::from_micros(100));
        now.get()
    };
    let mut period = || engine.period(&clock, &|| false, &mut |_| ());
    let Rest::For(first) = period() else {
        panic!("rests forever")
    };
    let Rest::For(second) = period() else {
        panic!("rests forever")
    };
    assert!(second < first && second > first - Duration::from_millis(1));
}

#[test]
fn verify_walks_every_page_within_its_share_and_reports() {
    let mut engine = engine(256);
    engine
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    assert_eq!(
        engine.apply(&Command::Verify { duty_percent: 10 }),
        Ok(None)
    );
    assert!(engine.apply(&Command::Verify { duty_percent: 10 }).is_err());
    let (_, answers) = run(&mut engine, 4);
    assert_eq!(
        answers,
        Vec::<String>::new(),
        "4 × 5 ms at 0.1 ms a page is not enough"
    );
    let (_, answers) = run(&mut engine, 4);
    assert_eq!(answers, ["bad 0 of 256"]);
    assert_eq!(engine.state().work, 0, "verify is not work");
}

#[test]
fn a_wrong_page_counts_once_whether_work_or_verify_finds_it() {
    let mut engine = engine(256);
    engine
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    engine.pool.corrupt_for_test(5);
    engine
        .apply(&Command::Verify { duty_percent: 100 })
        .unwrap();
    assert_eq!(run(&mut engine, 2).1, ["bad 1 of 256"]);
    engine
        .apply(&Command::Verify { duty_percent: 100 })
        .unwrap();
    assert_eq!(run(&mut engine, 2).1, ["bad 1 of 256"]);
}

#[test]
fn touch_bounds_the_rewrites_and_the_hot_part() {
    let mut engine = engine(1024);
    engine
        .apply(&Command::Fill {
            mib: 4,
            text: false,
        })
        .unwrap();
    engine.apply(&Command::Load { percent: 100 }).unwrap();
    engine
        .apply(&Command::Touch {
            pages_per_s: 200,
            hot_mib: Some(1),
        })
        .unwrap();
    run(&mut engine, 20);
    let rewritten: u64 = (0..1024)
        .map(|index| engine.pool.rewrites_for_test(index))
        .sum();
    assert!((190..=200).contains(&rewritten), "one second: {rewritten}");
    assert!((256..1024).all(|index| engine.pool.rewrites_for_test(index) == 0));
}

#[test]
fn a_restored_engine_makes_the_same_visits() {
    let mut first = engine(256);
    first
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    first.apply(&Command::Load { percent: 30 }).unwrap();
    run(&mut first, 3);
    let state = first.state();
    let mut second = engine(256);
    let mut pool = (second.provide)(0).unwrap();
    pool.fill(256, false);
    second.restore(pool, &state);
    assert_eq!(second.state(), state);
    for engine in [&mut first, &mut second] {
        (0..100).for_each(|_| engine.visit());
    }
    assert_eq!(second.state().random, first.state().random);
}

#[test]
fn a_status_says_which_question_it_answers_and_which_boot_did_the_work() {
    let mut engine = engine(256);
    engine
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    engine.apply(&Command::Load { percent: 30 }).unwrap();
    run(&mut engine, 1);
    let work = engine.state().work;
    let rest = format!(
        "boot=b-1 load=30 touch=1000 hot=all filled=256 work={work} bad=0 verifying=false ticks=20"
    );
    assert!(work > 0);
    assert_eq!(
        engine.status(Some(7), "b-1", 20),
        format!("ok status ask=7 {rest}")
    );
    assert_eq!(engine.status(None, "b-1", 20), format!("ok status {rest}"));
}

#[test]
fn a_fill_beyond_the_memory_is_refused_and_changes_nothing() {
    let mut engine = engine(256);
    engine
        .apply(&Command::Fill {
            mib: 1,
            text: false,
        })
        .unwrap();
    assert_eq!(
        engine.apply(&Command::Fill {
            mib: 2,
            text: false,
        }),
        Err("too big".to_owned())
    );
    assert_eq!(engine.pool().filled(), 256);
}

//! What a stream says about itself.

use ome_stream::settings::Durability;
use ome_stream_tests::disk::{Gate, wait_for};

use crate::acquisition::Acquisition;

#[test]
fn accepted_written_and_durable_are_counted_apart() {
    let run = Acquisition::new("t:6,y:16,x:16").with(|settings| settings.durability = Durability::Finish);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    run.append(&stream, 0..3);
    stream.skip(2).expect("two are left");
    let status = stream.status();
    assert_eq!((status.accepted, status.written, status.durable), (5, 0, 0));
    assert_eq!((status.skipped, status.dropped, status.declared), (2, 0, Some(6)));
    assert!(status.bytes_in_flight >= 3 * 16 * 16 * 2, "{status:?}");
    assert_eq!((status.failure.clone(), status.finished), (None, false));
    gate.open();
    let written = || (stream.status().written == 5).then_some(()).ok_or_else(|| format!("{:?}", stream.status()));
    wait_for(written).expect("the gate is open");
    assert_eq!(stream.status().durable, 0, "not before finish");
    run.append(&stream, 5..6);
    stream.finish().expect("all well");
    let status = stream.status();
    assert_eq!((status.accepted, status.written, status.durable, status.finished), (6, 6, 6, true));
    assert_eq!(status.bytes_in_flight, 0);
    assert!(status.bytes_written >= 4 * 16 * 16 * 2, "{status:?}");
    assert_eq!(status.append.count, 4, "latencies of frames that were appended");
    assert!(status.append.max_us >= status.append.p50_us && status.append.max_us > 0.0);
    assert!(status.bytes_high_water >= 3 * 16 * 16 * 2 && status.bytes_high_water <= status.bytes_limit);
}

#[test]
fn an_unbounded_run_declares_no_number() {
    let run = Acquisition::new("t:inf,y:16,x:16");
    assert_eq!(run.start().status().declared, None);
}

#[test]
fn without_durability_nothing_is_called_durable() {
    let run = Acquisition::new("t:2,y:16,x:16").with(|settings| settings.durability = Durability::None);
    let stream = run.start();
    run.append(&stream, 0..2);
    stream.finish().expect("all well");
    assert_eq!((stream.status().written, stream.status().durable), (2, 0));
}

#[test]
fn sealed_shards_are_durable_before_the_end_where_so_asked() {
    for dimensions in ["t:20:1:4,y:16:8:2,x:16:8:2", "t:20:2:2,y:16:8:1,x:16:8:1", "t:20,y:16:8,x:16:8"] {
        let run = Acquisition::new(dimensions).with(|settings| settings.durability = Durability::Shard);
        let stream = run.start();
        run.append(&stream, 0..10);
        let durable = wait_for(|| {
            let status = stream.status();
            if status.durable >= 8 { Ok(status) } else { Err(format!("{status:?}")) }
        });
        let status = durable.unwrap_or_else(|status| panic!("{dimensions}: {status}"));
        assert!(status.durable <= status.written && status.written <= status.accepted, "{status:?}");
        run.append(&stream, 10..20);
        stream.finish().expect("all well");
        assert_eq!(stream.status().durable, 20, "{dimensions}");
    }
}

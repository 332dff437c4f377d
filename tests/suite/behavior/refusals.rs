//! Calls that are refused change nothing: no number is used, no pixel is touched, the run goes on.

use ome_stream::stream::MAX_SKIP;
use ome_stream_tests::case::Step::{Append, Skip};

use crate::acquisition::Acquisition;

#[test]
fn a_frame_of_the_wrong_size_uses_no_number() {
    let run = Acquisition::new("t:3,y:16,x:24");
    let stream = run.start();
    run.append(&stream, 0..1);
    let right = run.frame(1);
    let longer = [right.clone(), vec![0]].concat();
    for wrong in [&[][..], &right[1..], &longer, &right[..right.len() / 2]] {
        for error in [
            stream.append(wrong).expect_err("append"),
            stream.append_with(wrong, "{}").expect_err("append_with"),
            stream.try_append(wrong, None).expect_err("try_append"),
        ] {
            assert_eq!(error.code(), 7, "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("{} bytes", wrong.len())) && text.contains("768"), "{text}");
            assert!(text.contains("16 x 24") && text.contains("uint16"), "{text}");
        }
    }
    assert_eq!(stream.status().accepted, 1);
    run.append(&stream, 1..3);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(3)]);
    assert!(!run.root().join("frame_metadata.jsonl").exists(), "a refused frame leaves no metadata");
}

#[test]
fn one_frame_too_many_is_refused_with_the_declared_number() {
    let run = Acquisition::new("t:3,c:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..6);
    for error in [
        stream.append(&run.frame(6)).expect_err("append"),
        stream.try_append(&run.frame(6), None).expect_err("try_append"),
        stream.skip(1).expect_err("skip"),
    ] {
        assert_eq!(error.code(), 8, "{error}");
        let text = error.to_string();
        assert!(text.contains("declare 6") && text.contains("unbounded"), "{text}");
    }
    assert_eq!(stream.finish().expect("a refusal is no failure").frames, 6);
    run.assert_holds(&[Append(6)]);
}

#[test]
fn a_skip_beyond_the_end_skips_nothing() {
    let run = Acquisition::new("t:6:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..2);
    for frames in [5, u64::MAX] {
        let error = stream.skip(frames).expect_err("only four are left");
        assert_eq!(error.code(), 8, "{error}");
    }
    assert_eq!((stream.status().accepted, stream.status().skipped), (2, 0));
    assert_eq!(stream.skip(0).expect("nothing is always there"), 2);
    assert_eq!(stream.skip(3).expect("four are left"), 5);
    run.append(&stream, 5..6);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(2), Skip(3), Append(1)]);
}

#[test]
fn an_absurd_skip_of_an_unbounded_run_is_refused() {
    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    assert_eq!(stream.skip(MAX_SKIP + 1).expect_err("by mistake").code(), 8);
    run.append(&stream, 0..1);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(1)]);
}

#[test]
fn frame_metadata_beyond_limits_refuse_the_frame() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    for metadata in ["", "3", "[1]", "{", "{\"a\": NaN}", "{\"frame\": 7}"] {
        assert_eq!(stream.append_with(&run.frame(0), metadata).expect_err("refused").code(), 12);
        assert_eq!(stream.try_append(&run.frame(0), Some(metadata)).expect_err("refused").code(), 12);
    }
    run.append(&stream, 0..2);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(2)]);
}

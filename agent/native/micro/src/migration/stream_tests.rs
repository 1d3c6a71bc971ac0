use super::*;

const HEADER: Header = Header {
    ram_bytes: 8 << 20,
    ignore_shared: true,
    return_path: false,
};

fn written(put: impl FnOnce(&mut Writer<&mut Vec<u8>>)) -> Vec<u8> {
    let (mut bytes, sent) = (Vec::new(), AtomicU64::new(0));
    put(&mut Writer::begin(&mut bytes, &HEADER, &sent).unwrap());
    assert_eq!(bytes.len() as u64, sent.into_inner());
    bytes
}

#[test]
fn records_come_back_as_they_were_written() {
    let bytes = written(|writer| {
        writer.page(7, &[5; PAGE_BYTES]).unwrap();
        writer.devices(b"state").unwrap();
        writer.end().unwrap();
    });
    let (mut reader, header) = Reader::begin(bytes.as_slice()).unwrap();
    assert_eq!(header, HEADER);
    assert_eq!(reader.record().unwrap(), Record::Page(7));
    assert!(reader.page.iter().all(|byte| *byte == 5));
    assert_eq!(reader.record().unwrap(), Record::Devices(b"state".to_vec()));
    assert_eq!(reader.record().unwrap(), Record::End);
}

#[test]
fn a_stream_that_breaks_at_any_byte_is_an_error() {
    let bytes = written(|writer| {
        writer.devices(b"state").unwrap();
        writer.end().unwrap();
    });
    for length in 0..bytes.len() {
        let whole = Reader::begin(&bytes[..length]).and_then(|(mut reader, _)| {
            while reader.record()? != Record::End {}
            Ok(())
        });
        assert!(whole.is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn a_device_state_with_one_wrong_bit_is_refused() {
    let mut bytes = written(|writer| writer.devices(b"state").unwrap());
    let state = bytes.len() - 10;
    bytes[state] ^= 1;
    let (mut reader, _) = Reader::begin(bytes.as_slice()).unwrap();
    let error = reader.record().unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn what_is_no_stream_is_refused() {
    assert!(Reader::begin(&[0_u8; 64][..]).is_err());
    for (record, part) in [
        (&[9_u8][..], "section type 9"),
        (&[DEVICES, 255, 255, 255, 255], "too long"),
    ] {
        let mut bytes = written(|_| ());
        bytes.extend(record);
        let (mut reader, _) = Reader::begin(bytes.as_slice()).unwrap();
        let error = reader.record().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn only_the_targets_zero_means_that_all_was_loaded() {
    let mut word = Vec::new();
    say_loaded(&mut word).unwrap();
    assert!(hear_loaded(word.as_slice()).is_ok());
    assert!(hear_loaded(&1_u32.to_le_bytes()[..]).is_err());
    assert!(hear_loaded(&word[..3]).is_err());
}

use std::fs;
use std::path::PathBuf;

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("hotline-proof-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        Self(dir)
    }

    fn evidence(&self) -> Evidence {
        Evidence::open(&self.0.join("recordings"), &self.0.join("keys")).unwrap()
    }

    /// Puts a file there and seals it.
    fn sealed(&self, evidence: &Evidence, name: &str) -> String {
        let path = format!("2026/11/25/{name}.wav");
        let place = self.0.join("recordings").join(&path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, name.repeat(1000)).unwrap();
        let sealing = Sealing {
            contact: "c".into(),
            segment: name.into(),
            bytes: 0,
            sha256: Hash::new(),
            length_ms: 1,
            encrypted: false,
            repaired: false,
            failed: None,
            account: None,
        };
        evidence.seal(&path, sealing).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn findings(place: &Place, key: &PublicKey) -> Vec<String> {
    let verified = verify(&place.0.join("recordings"), key, |_| ()).unwrap();
    let told = verified.findings.iter();
    told.map(|finding| format!("{}: {}", finding.place, finding.what))
        .collect()
}

#[test]
fn a_manifest_shows_every_change_to_a_file_or_to_itself() {
    let place = Place::new("changes");
    let evidence = place.evidence();
    let key = evidence.vault().public_key();
    let dir = place.0.join("recordings");
    let paths: Vec<String> = ["one", "two", "three"]
        .iter()
        .map(|name| place.sealed(&evidence, name))
        .collect();
    let good = verify(&dir, &key, |_| ()).unwrap();
    assert_eq!((good.entries, good.whole, good.findings.len()), (3, 3, 0));
    // A process that starts anew goes on with the chain and the key.
    let evidence = place.evidence();
    place.sealed(&evidence, "four");
    assert_eq!(findings(&place, &key), [] as [&str; 0]);

    fs::write(dir.join(&paths[0]), "one".repeat(999) + "ONE").unwrap();
    fs::write(dir.join(&paths[1]), "short").unwrap();
    fs::remove_file(dir.join(&paths[2])).unwrap();
    let told = findings(&place, &key);
    assert_eq!(told.len(), 3, "{told:?}");
    for what in ["its SHA-256 is another one", "has 5 bytes", "is missing"] {
        assert!(told.iter().any(|told| told.contains(what)), "{what}: {told:?}");
    }
    let one = verify_one(&dir, &key, &paths[0]).unwrap().unwrap();
    assert_eq!(one.findings.len(), 1);

    // The manifest itself: an entry is taken out, one is written anew, another key is used.
    let month = chain::months(&dir).unwrap().remove(0);
    let text = fs::read_to_string(&month).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&month, [lines[0], lines[2], lines[3], ""].join("\n")).unwrap();
    assert!(
        findings(&place, &key)
            .iter()
            .any(|told| told.contains("does not follow"))
    );
    fs::write(&month, text.replace("\"length_ms\":1", "\"length_ms\":2")).unwrap();
    let told = findings(&place, &key);
    assert!(
        told.iter().any(|told| told.contains("the signature is not")),
        "{told:?}"
    );
    fs::write(&month, &text).unwrap();
    let other = Vault::open(&place.0.join("other")).unwrap().public_key();
    assert!(findings(&place, &other).len() >= 4);
}

#[test]
fn a_line_that_a_crash_cut_is_taken_off_and_the_chain_goes_on() {
    let place = Place::new("cut");
    let evidence = place.evidence();
    place.sealed(&evidence, "one");
    let month = chain::months(&place.0.join("recordings")).unwrap().remove(0);
    let whole = fs::read(&month).unwrap();
    fs::write(&month, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
    place.sealed(&evidence, "two");
    let key = evidence.vault().public_key();
    assert_eq!(findings(&place, &key), [] as [&str; 0]);
}

#[test]
fn a_held_recording_is_not_erased_and_an_erased_one_leaves_its_tombstone() {
    let place = Place::new("erase");
    let evidence = place.evidence();
    let key = evidence.vault().public_key();
    let dir = place.0.join("recordings");
    let path = place.sealed(&evidence, "one");
    assert!(matches!(
        evidence.hold(&path, false, "ada", "over"),
        Err(EvidenceError::NotHeld)
    ));
    evidence.hold(&path, true, "ada", "case 7").unwrap();
    assert!(matches!(evidence.erase(&path, "ada", "age"), Err(EvidenceError::Held(why)) if why == "case 7"));
    assert!(dir.join(&path).exists());
    evidence.hold(&path, false, "ada", "case 7 is over").unwrap();
    evidence.erase(&path, "ada", "age").unwrap();
    assert!(!dir.join(&path).exists());
    assert!(matches!(
        evidence.erase(&path, "ada", "age"),
        Err(EvidenceError::Gone)
    ));
    let standing = Standing::of(&dir, &path).unwrap();
    assert!(matches!(&standing.erased, Some((_, why)) if why == "age"));
    let verified = verify(&dir, &key, |_| ()).unwrap();
    assert_eq!(
        (verified.entries, verified.erased, verified.findings.len()),
        (4, 1, 0)
    );
    // Somebody puts it back.
    fs::write(dir.join(&path), "x").unwrap();
    assert!(findings(&place, &key)[0].contains("was erased and is there"));
}

#[test]
fn a_destroyed_key_is_gone_and_others_open_what_they_sealed() {
    let place = Place::new("keys");
    let vault = Vault::open(&place.0).unwrap();
    vault.make(&[1; 16]).unwrap();
    vault.make(&[2; 16]).unwrap();
    assert!(vault.make(&[1; 16]).is_err(), "a key is made once");
    // Another process finds them.
    let vault = Vault::open(&place.0).unwrap();
    assert!(vault.key(&[1; 16]).is_ok());
    assert!(vault.destroy(&[1; 16]).unwrap());
    assert!(!vault.destroy(&[1; 16]).unwrap());
    assert_eq!(
        vault.key(&[1; 16]).unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
    assert!(vault.key(&[2; 16]).is_ok());
}

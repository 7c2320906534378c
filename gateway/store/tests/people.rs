//! People and secrets, and errors that say what to do.

#![allow(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use hotline_store::{
    AgentRow, Durability, NewToken, People, Reader, RosterRow, Seed, Store, StoreConfig, StoreError,
    TOKENS_MAX, UserRow,
};
use hotline_types::WallTime;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hotline-people-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn config(&self) -> StoreConfig {
        StoreConfig {
            data_dir: self.0.clone(),
            durability: Durability::Normal,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn seed(hash: &str) -> Seed {
    let agent = |slug: &str| AgentRow {
        slug: slug.parse().unwrap(),
        label: "小王".to_owned(),
        extension: Some("101".to_owned()),
        ha1_md5: "939e7578ed9e3c518a452acee763bce9".to_owned(),
        ha1_sha256: "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232".to_owned(),
    };
    let user = UserRow {
        login: "lead".to_owned(),
        role: "team_leader".to_owned(),
        hash: hash.to_owned(),
    };
    let days = [true, true, true, true, true, false, false];
    let row = RosterRow {
        band: "day".parse().unwrap(),
        agent: "agent-1".parse().unwrap(),
        days,
    };
    Seed {
        agents: vec![agent("agent-1"), agent("agent-2")],
        users: vec![user],
        roster: vec![row],
        settings: vec![("realm".to_owned(), "hotline".to_owned())],
    }
}

fn token(number: u8, once: bool) -> NewToken {
    NewToken {
        sha256: [number; 32],
        user: "lead".to_owned(),
        rights: vec!["console".to_owned()],
        label: "login link".to_owned(),
        created: WallTime::from_millis(1_000),
        expires: Some(WallTime::from_millis(5_000)),
        once,
    }
}

async fn people(folder: &Folder) -> People {
    let people = Store::open(folder.config()).await.unwrap().people();
    people.seed_if_empty(&seed("$argon2id$first")).await.unwrap();
    people
}

#[tokio::test]
async fn seed_fills_an_empty_store_once_and_never_again() {
    let folder = Folder::new("seed");
    let people = people(&folder).await;
    assert!(!people.seed_if_empty(&seed("$argon2id$second")).await.unwrap());
    let again = Store::open(folder.config()).await.unwrap().people();
    let expected = seed("$argon2id$first");
    assert_eq!(again.agents().await.unwrap(), expected.agents);
    assert_eq!(again.users().await.unwrap(), expected.users);
    assert_eq!(again.roster().await.unwrap(), expected.roster);
    assert_eq!(again.setting("realm").await.unwrap().as_deref(), Some("hotline"));
    assert_eq!(again.setting("nonsense").await.unwrap(), None);
    let shown = format!("{expected:?}");
    assert!(!shown.contains("939e") && !shown.contains("argon2"), "{shown}");
}

#[tokio::test]
async fn token_ends_by_time_by_use_and_by_a_new_password() {
    let folder = Folder::new("tokens");
    let people = people(&folder).await;
    let before = WallTime::from_millis(4_999);
    people.create_token(&token(1, false)).await.unwrap();
    people.create_token(&token(2, true)).await.unwrap();
    let found = people.redeem(&[1; 32], before).await.unwrap().unwrap();
    assert_eq!(
        (found.user.as_str(), found.role.as_str()),
        ("lead", "team_leader")
    );
    assert_eq!(found.rights, ["console"]);
    assert_eq!(
        people
            .redeem(&[1; 32], WallTime::from_millis(5_000))
            .await
            .unwrap(),
        None
    );
    assert!(people.redeem(&[2; 32], before).await.unwrap().is_some());
    assert_eq!(people.redeem(&[2; 32], before).await.unwrap(), None);
    assert_eq!(people.redeem(&[3; 32], before).await.unwrap(), None);
    assert!(people.set_password("lead", "$argon2id$third").await.unwrap());
    assert!(!people.set_password("nobody", "$argon2id$third").await.unwrap());
    assert_eq!(
        people.user("lead").await.unwrap().unwrap().hash,
        "$argon2id$third"
    );
    assert_eq!(people.tokens().await.unwrap(), []);
}

#[tokio::test]
async fn tokens_are_bounded_and_those_that_ended_make_room() {
    let folder = Folder::new("bound");
    let people = people(&folder).await;
    for number in 0..TOKENS_MAX {
        let mut sha256 = [0; 32];
        sha256[..8].copy_from_slice(&number.to_be_bytes());
        people
            .create_token(&NewToken {
                sha256,
                ..token(0, false)
            })
            .await
            .unwrap();
    }
    assert!(matches!(
        people.create_token(&token(255, false)).await,
        Err(StoreError::BadRequest(_))
    ));
    let later = NewToken {
        created: WallTime::from_millis(5_000),
        expires: None,
        ..token(255, false)
    };
    people.create_token(&later).await.unwrap();
    assert_eq!(people.tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn roster_is_replaced_as_a_whole() {
    let folder = Folder::new("roster");
    let people = people(&folder).await;
    let rows = vec![RosterRow {
        band: "night".parse().unwrap(),
        agent: "agent-2".parse().unwrap(),
        days: [true; 7],
    }];
    people.set_roster(&rows).await.unwrap();
    assert_eq!(people.roster().await.unwrap(), rows);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let folder = Folder::new("mode");
    let _people = people(&folder).await;
    for file in ["journal.db", "service-desk.db"] {
        let mode = std::fs::metadata(folder.0.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn errors_name_the_file_and_what_to_do() {
    let folder = Folder::new("errors");
    let missing = Reader::open(&folder.0).unwrap_err().to_string();
    assert!(
        missing.contains("journal.db") && missing.contains("--data"),
        "{missing}"
    );

    std::fs::write(&folder.0, "a file").unwrap();
    let unwritable = Store::open(folder.config()).await.unwrap_err();
    assert!(
        matches!(unwritable, StoreError::Unwritable { .. }),
        "{unwritable}"
    );
    std::fs::remove_file(&folder.0).unwrap();

    drop(Store::open(folder.config()).await.unwrap());
    let file = folder.0.join("journal.db");
    let mut connection = SqliteConnectOptions::new()
        .filename(&file)
        .connect()
        .await
        .unwrap();
    sqlx::query("PRAGMA user_version = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    let newer = Store::open(folder.config()).await.unwrap_err();
    assert!(
        matches!(
            newer,
            StoreError::NewerSchema {
                found: 99,
                known: 2,
                ..
            }
        ),
        "{newer}"
    );
    drop(connection);

    std::fs::remove_dir_all(&folder.0).unwrap();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(
        &file,
        "no database, but long enough to be read as one ".repeat(50),
    )
    .unwrap();
    let damaged = Store::open(folder.config()).await.unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { .. }), "{damaged}");
}

CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO profiles (id, name, bio) VALUES (1, 'Ada Lovelace', 'Writes programs for machines that are not built yet.');

// Package db is smelt's embedded columnar store: rows with their identity, the
// records they came as, and bitmap-indexed metadata, in one directory. It is
// the only package that knows Badger.
//
// # Layout
//
// A store is a directory. Badger's files live in DIR/data; DIR/FORMAT holds
// the format version, readable without Badger. Every Badger value ends in a
// CRC-32C of what precedes it, or (columns) carries one a block. Integers in
// keys are big-endian, so that keys sort by them.
//
//	m                                manifest: segments, fields, commit number   (JSON)
//	c                                catalog: buckets and phases                 (JSON)
//	f <file u32>                     ledger entry of one ingested file           (JSON)
//	r <file u32> <line u64>          one rejected line and the reason            (JSON)
//	s <name>                         kept sample: statement, seed, digest, ...   (JSON)
//	S <name>                         kept sample: its rows                       (roaring)
//	M <name>                         kept sample: row_hashes of its rows that Compact
//	                                 removed                                     (32 bytes each)
//	t <name>                         tag: commit, rows, when                     (JSON)
//	T <name>                         tag: manifest and catalog as they were      (JSON)
//	l <seq u64>                      log: what changed the store, and when       (JSON)
//	x <commit u64>                   rows deleted as of a commit                 (roaring)
//	d <gen u32> s <segment u32> <column u8>                 one column of one segment (column.go)
//	d <gen u32> i <field u16> <segment u32> <commit u64>    one metadata field of one segment,
//	                                                        as of a commit (index.go)
//
// One value holds one column of one segment, so reading a column touches no
// other. All index entries of a field are neighbours, so loading an index is
// one range scan. Dataset keys start with a generation, which a compaction counts up.
//
// FORMAT says which smelt may open the store, the manifest which format its
// values have. An older store is upgraded when it is opened (upgrade.go): FORMAT
// first, then all values and the manifest in one transaction.
//
// # Rows and addresses
//
// A segment holds at most 65,536 rows (by default 8,192, or fewer when they
// are long). Rows are numbered densely across segments: a row's address, in 32
// bits, is the number of rows of all earlier segments plus its own number in its
// segment. So a container of a roaring bitmap holds 65,536 rows, whatever the size
// of the segments, and a store holds 2^32 rows. Deleted rows keep their addresses.
// Only this package computes with addresses: see Snapshot.SegmentRange, SegmentOf
// and BySegment. Kept samples and deleted rows are stored by address, index
// entries by a row's number in its segment.
//
//	column   Arrow type             holds
//	head     Uint64                 first 8 bytes of row_hash, big-endian; >>4 is h
//	tail     FixedSizeBinary(24)    the other 24 bytes
//	record   Binary                 the JSON object the row came as, labels added
//	origin   runs                   (row, file, line): where each row came from
//
// # Commits
//
// A commit writes column and index values first, each in synced Badger
// transactions, and the manifest with the ledger entries last, in one. A
// reader starts from a manifest, so it sees a whole commit or none of it, and
// after kill -9 or a full disk the store is the last whole commit. What an
// unfinished commit left behind is removed when the store is next opened.
//
// Segments are only ever added; index entries and deleted rows are kept by
// commit, and those of earlier commits stay. So a manifest and its catalog are
// all it takes to show the store as it was: a Snapshot holds them in memory, a
// tag on disk. Opening a store removes only what lies beyond the manifest, and
// no tag reaches beyond it.
//
// Compact alone takes away: it writes what the current manifest and its kept
// samples show into new Badger files, beside the old, and renames them into
// their place (compact.go, swap.go). Deleting keys, or dropping their prefix,
// would leave the space to Badger, which frees it late and in part.
//
// # Invariants (what Check verifies)
//
//   - every checksum holds; every column of a segment has the segment's rows;
//   - the bitmaps of a field in a segment are disjoint, and with the absent
//     rows cover it;
//   - the zone of a field of many values is that of its values in the segment;
//   - the same of the index entries and deleted rows of every tag, whose segments
//     are the first of the store's;
//   - the ledger's row counts, less those removed by Compact, add up to the
//     manifest's; kept samples, tags and log
//     entries are as many as it counts;
//   - optionally, each row_hash is the hash of its record.
package db

package db

import "encoding/binary"

// Columns of a segment: the last byte of a column's key.
const (
	columnHead uint8 = iota
	columnTail
	columnRecord
	columnOrigin
	numColumns
)

var (
	keyManifest = []byte("m")
	keyCatalog  = []byte("c")
)

const (
	prefixFile       = 'f'
	prefixReject     = 'r'
	prefixSample     = 's'
	prefixSampleRows = 'S'
	prefixMissing    = 'M'
	prefixEvent      = 'l'
	prefixDeleted    = 'x'
	prefixTag        = 't'
	prefixTagState   = 'T'
	prefixDataset    = 'd'

	kindSegment = 's'
	kindIndex   = 'i'
)

func fileKey(file uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixFile}, file)
}

func rejectKey(file uint32, line uint64) []byte {
	return binary.BigEndian.AppendUint64(rejectPrefix(file), line)
}

func rejectPrefix(file uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixReject}, file)
}

func sampleKey(name string) []byte     { return append([]byte{prefixSample}, name...) }
func sampleRowsKey(name string) []byte { return append([]byte{prefixSampleRows}, name...) }
func missingKey(name string) []byte    { return append([]byte{prefixMissing}, name...) }

func tagKey(name string) []byte      { return append([]byte{prefixTag}, name...) }
func tagStateKey(name string) []byte { return append([]byte{prefixTagState}, name...) }

func datasetPrefix(gen uint32, kind byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{prefixDataset}, gen), kind)
}

func segmentPrefix(gen, segment uint32) []byte {
	return binary.BigEndian.AppendUint32(datasetPrefix(gen, kindSegment), segment)
}

func columnKey(gen, segment uint32, column uint8) []byte {
	return append(segmentPrefix(gen, segment), column)
}

func indexPrefix(gen uint32, field uint16) []byte {
	return binary.BigEndian.AppendUint16(datasetPrefix(gen, kindIndex), field)
}

// indexKey is the key of a field's entry for a segment, as the commit version
// wrote it. An update writes a new entry and leaves the old one to snapshots
// that began before it.
func indexKey(gen uint32, field uint16, segment uint32, version uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(indexPrefix(gen, field), segment), version)
}

// indexKeyParts is the segment and version of a key made by indexKey.
func indexKeyParts(key []byte) (segment uint32, version uint64) {
	n := len(key)
	return binary.BigEndian.Uint32(key[n-12:]), binary.BigEndian.Uint64(key[n-8:])
}

func deletedKey(version uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixDeleted}, version)
}

func eventKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{prefixEvent}, seq) }

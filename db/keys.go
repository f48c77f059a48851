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

func indexKey(gen uint32, field uint16, segment uint32) []byte {
	return binary.BigEndian.AppendUint32(indexPrefix(gen, field), segment)
}

// indexKeySegment is the segment of a key made by indexKey.
func indexKeySegment(key []byte) uint32 {
	return binary.BigEndian.Uint32(key[len(key)-4:])
}

//go:build !amd64 || noasm

package kernel

func activeInt8Tile(m int8Form) tileInt8Func { return m.tile }

func roundPanel(m int8Form, dst []uint32, x *[tileRows]*float32, blocks int) {
	roundPanelGeneric(m, dst, x, blocks)
}

func unpackRows(f BlockFormat, dst []uint32, ld int, w []byte, stride, rows, blocks, ahead int) {
	unpackRowsGeneric(f, dst, ld, w, stride, rows, blocks, ahead)
}

func (m int8Form) widenA(dst, src []uint32, k int) { m.widenAGeneric(dst, src, k) }
func (m int8Form) widenB(dst, src []uint32, k int) { m.widenBGeneric(dst, src, k) }

package ingest

import "testing"

func TestVersions(t *testing.T) {
	for _, c := range []recognised{
		{
			"two versions", `{"instruction_v1":"Sort a list.","output_v1":"sorted(l)","instruction_v2":"Sort it backwards.","output_v2":"sorted(l, reverse=True)"}`,
			"versions", turns("user", "Sort a list.", "assistant", "sorted(l)", "user", "Sort it backwards.", "assistant", "sorted(l, reverse=True)"),
		},
		{
			"in any order, beside other names", `{"output_v2":"d","instruction_v3":null,"instruction_v2":"c","instruction_v02":"no","instruction_vx":1,"output_v1":"b","instruction_v1":"a"}`,
			"versions", turns("user", "a", "assistant", "b", "user", "c", "assistant", "d"),
		},
		{"one version", `{"instruction_v1":"a","output_v1":"b"}`, "versions", triple("a", "", "b")},
		{"the final version named so", `{"instruction_v1":"a","output_v1":"b","instruction":"i","output":"o"}`, "alpaca", triple("i", "", "o")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"instruction_v1":"a","output_v1":"b","instruction_v3":"c","output_v3":"d"}`, "there is no instruction_v2, but there are fields of version 3"},
		{`{"instruction_v1":"a","output_v1":"b","instruction_v2":"c"}`, "there is an instruction_v2, but no output_v2"},
		{`{"instruction_v1":"a","output_v1":"b","output_v2":"c"}`, "there is no instruction_v2"},
		{`{"instruction_v1":"a","output_v1":"b","output_v99":"c"}`, "there is output_v99, but not every version before it"},
		{`{"instruction_v1":"a","output_v1":7}`, "output_v1 must be a string, not a number"},
		{`{"instruction_v1":"","output_v1":""}`, "empty row"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

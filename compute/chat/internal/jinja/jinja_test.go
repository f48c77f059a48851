package jinja

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// given are the variables of these tests: u is content, the others are not.
func given() Input {
	u := Text("ab<X> é\n", Content)
	list, err := FromJSON([]byte(`[{"k": "v", "<X>": ["w"]}]`), Content)
	if err != nil {
		panic(err)
	}
	return Input{Variables: []Member{{"u", u}, {"items", list}, {"t", Text("t", 0)}}}
}

// TestOrigins holds that content stays marked as such through everything that is
// done with it, and that text of the template is not marked by standing beside it.
func TestOrigins(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`{{ u }}`, "«ab<X> é\n»"},
		{`a{{ u.strip() }}b`, "a«ab<X> é»b"},
		{`{{ (' ' + u + ' ').strip() }}`, "«ab<X> é»"},
		{`{{ t + u[1:4] + t }}`, "t«b<X»t"},
		{`{{ u[4:0:-1] }}`, "«>X<b»"},
		{`{{ (t + u)[0] }}{{ (t + u)[1] }}{{ u[-2] }}`, "t«aé»"},
		{`{{ t ~ u|upper ~ t }}`, "t«AB<X> É\n»t"},
		{`{{ ('<X>' ~ u)|lower }}`, "<x>«ab<x> é\n»"},
		{`{{ u|capitalize }}{{ ('x' + u)|title }}`, "«Ab<x> é\n»X«ab<X> É\n»"},
		{`{{ u|tojson }}`, `"«ab<X> é\n»"`},
		{`{{ (t + u)|tojson(ensure_ascii=true) }}`, `"t«ab<X> \u00e9\n»"`},
		{`{{ items|tojson }}`, `[{"«k»": "«v»", "«<X>»": ["«w»"]}]`},
		{`{{ items }}`, `[{'«k»': '«v»', '«<X>»': ['«w»']}]`},
		{`{% for k, v in items[0].items() %}{{ k }}={{ v|join }};{% endfor %}`, "«k»=«v»;«<X>»=«w»;"},
		{`{{ items|map(attribute='k')|join(t) }}`, "«v»"},
		{`{{ u.split('<') | join('<') }}`, "«ab»<«X> é\n»"},
		{`{{ u.split()[0] }}{{ u.rsplit('>', 1)[-1] }}{{ u.partition('<')[1] }}`, "«ab<X> é\n<»"},
		{`{{ u.splitlines()[0] }}|{{ u.removeprefix('ab') }}`, "«ab<X> é»|«<X> é\n»"},
		{`{{ u.replace('<X>', '<Y>') }}{{ 'aXb'.replace('X', u[0]) }}`, "«ab»<Y>« é\n»a«a»b"},
		{`{{ '<%s>%d%%' % (u[0], 5) }}{{ '{}{{'.format(u[0]) }}{{ '%s'|format(u[1]) }}`, "<«a»>5%«a»{«b»"},
		{`{{ u|indent(2, true) }}`, "  «ab<X> é»\n"},
		{`{{ u[0] * 3 ~ t * 2 }}`, "«aaa»tt"},
		{`{{ u[:2].center(4, '-') }}{{ u|list|last }}{{ u|reverse }}`, "-«ab»-«\n\né >X<ba»"},
		{`{{ u|e }}{{ '<'|safe + u }}`, "«ab&lt;X&gt; é\n»<«ab&lt;X&gt; é\n»"},
		{`{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(u[0]) | upper }}`, "<«A»>"},
		{`{% set x %}<{{ u[0] }}{% endset %}{{ x }}{% filter upper %}b{{ u[1] }}{% endfilter %}`, "<«a»B«B»"},
		{`{% set ns = namespace(s='') %}{% for c in u %}{% set ns.s = ns.s + c + '.' %}{% endfor %}{{ ns.s[:4] }}`, "«a».«b»."},
		{`{{ u == 'ab<X> é\n' }}{{ u|length }}{{ u in [u] }}{{ 'X' in u }}`, "True8TrueTrue"},
		{`{{ {u[0]: 1}['a'] }}{{ ('a,' + u[1]).split(',') }}`, "1['a', '«b»']"},
		{`{{ [u[1], u[0], t]|sort|join }}{{ u|default(t) }}{{ nix|default(u[0]) }}`, "«ab»t«ab<X> é\na»"},
	} {
		template, err := Compile(c.source)
		require.NoError(t, err, c.source)
		out, err := template.Render(given())
		require.NoError(t, err, c.source)
		assert.Equal(t, c.want, marked(out.Text, out.Content), c.source)
	}
}

// marked is text with its spans in « ».
func marked(text string, spans [][2]int) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s[0]] + "«" + text[s[0]:s[1]] + "»")
		at = s[1]
	}
	return b.String() + text[at:]
}

func TestGenerated(t *testing.T) {
	template, err := Compile(`{% macro m() %}({% generation %}{{ u[0] }}b{% endgeneration %}){% endmacro %}{{ m() }}{% generation %}c{% endgeneration %}`)
	require.NoError(t, err)
	assert.True(t, template.Generates())
	out, err := template.Render(given())
	require.NoError(t, err)
	assert.Equal(t, "(«ab»)«c»", marked(out.Text, out.Generated))
	assert.Equal(t, "(«a»b)c", marked(out.Text, out.Content))
}

// TestErrors holds the texts and the places of errors.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"a\n{{ b.c }}", "2:6: 'b' is undefined, so it has no attribute c"},
		{"{{ 'é' }}{{ 1 + 'x' }}", "1:15: cannot add an integer and a string"},
		{"{% for i in 5 %}{% endfor %}", "1:13: an integer cannot be iterated over"},
		{"{% if x %}", "1:11: the template ended where elif or else or endif was expected"},
		{"{% endif %}", `1:4: unknown tag "endif"`},
		{"{% include 'x' %}", `1:4: tag "include" is not supported: chat templates have no other templates, escaping or side effects`},
		{"{{ 1 2 }}", "1:6: expected }}, found 2"},
		{"{{ (1 }}", "1:7: unexpected '}'"},
		{"{{ x", "1:1: tag is not closed: expected }}"},
		{"\n {# x", "2:2: comment is not closed: expected #}"},
		{"{{ 'x }}", "1:4: string is not closed: expected '"},
		{`{{ '\u12' }}`, `1:5: \u needs 4 hexadecimal digits`},
		{"{{ $ }}", "1:4: unexpected character '$'"},
		{"{{ 'a'|from_json }}", "1:8: there is no filter from_json"},
		{"{{ 1 is odds }}", "1:9: there is no test odds"},
		{"{{ [].append(1) }}", "1:13: the sandbox forbids append: lists and mappings cannot be changed"},
		{"{{ raise_exception('no') }}", "1:19: raised: no"},
		{"{% macro f(a) %}{{ a.b.c }}{% endmacro %}\n{{ f(1) }}", "1:24: an integer has no attribute 'b', so it has no attribute c"},
		{"{{ 9223372036854775807 + 1 }}", "1:24: 9223372036854775807 + 1 is too large"},
		{"{{ 'x'.replace('a') }}", "1:15: replace needs new"},
		{"{{ tojson }}{{ 'a'|tojson(nope=1) }}", "1:20: tojson has no parameter nope"},
	} {
		template, err := Compile(c.source)
		if err == nil {
			_, err = template.Render(Input{})
		}
		require.Error(t, err, c.source)
		assert.Equal(t, "template "+c.want, err.Error(), c.source)
	}
	_, err := Compile(strings.Repeat(" ", MaxSource+1))
	assert.EqualError(t, err, "template 1:1: a template of 1048577 bytes is longer than 1048576")
	_, err = Compile("\xff")
	assert.EqualError(t, err, "template 1:1: the template is not UTF-8")
}

// hostile are templates that would run or grow without end.
var hostile = []string{
	`{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}`,
	`{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`,
	`{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`,
	`{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}`,
	`{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}`,
	`{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}`,
	`{% set ns = namespace(s=[1]) %}{% for i in range(9999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}`,
	`{% set ns = namespace(s=[1]) %}{% for i in range(9999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}`,
	`{% set ns = namespace() %}{% set ns.s = [ns] %}{{ ns.s }}`,
	`{{ 'x' * 10**12 }}`, `{{ [1] * 10**12 }}`, `{{ 'x' * 9223372036854775807 }}`, `{{ range(10**12) }}`,
	`{{ 'x'.center(10**12) }}`, `{{ 'x'.zfill(10**15) }}`, `{{ 'x'|indent(10**12, true) }}`, `{{ [1]|tojson(indent=10**12) }}`,
	`{{ '%1000000000d' % 5 }}`, `{{ '{:1000000000d}'.format(5) }}`, `{{ 5|round(10**9) }}`, `{{ [1]|batch(10**12, 0) }}`,
	`{{ 10 ** 10 ** 10 }}`, `{{ 2.0 ** 99999 }}`, `{{ range(9223372036854775800, 9223372036854775807, 100)|length + 'x' }}`,
	`{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`,
	`{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() ~ a() }}{% endmacro %}{{ a() }}`,
	`{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}`,
	`{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}`,
	`{% set a = 'x' * 99999 %}{% for i in range(99999) %}{{ a.replace('x', a) }}{% endfor %}`,
	`{% set a = 'x' * 99999 %}{{ (a + 'y').split('x')|map('replace', '', a)|join(a) }}`,
	`{% set a = 'x' * 99999 %}{% for i in range(99999) %}{{ a.strip(a) }}{% endfor %}`,
	`{% set a = 'x' * 99999 %}{{ ([a + 'y', a + 'z'] * 9999)|sort|length }}`,
	`{% for i in range(99999) %}{% set x = dict(range(99999)|map('string')|map('list')|map('batch', 2)) %}{% endfor %}`,
	`{{ range(99999)|map('float')|unique|list }}`,
}

func TestLimits(t *testing.T) {
	deep := func(open, close string) string {
		return strings.Repeat(open, 5000) + strings.Repeat(close, 5000)
	}
	all := append([]string{
		"{{ " + deep("(", ")") + " }}", "{{ " + deep("[", "]") + " }}", "{{ " + deep("not ", "") + "1 }}",
		"{{ " + deep("-", "") + "1 }}", "{{ " + deep("x[", "]") + " }}", "{{ " + deep("x(", ")") + " }}",
		deep("{% if x %}", "{% endif %}"), "{{ 1" + deep("+1", "") + " }}", "{{ 1" + deep(" if 1 else 1", "") + " }}",
		"{% set " + deep("(", ")") + " = 1 %}", "{{ x" + deep("|e", "") + " }}", "{{ 1" + deep(" and 1", "") + " }}",
	}, hostile...)
	for _, source := range all {
		template, err := Compile(source)
		if err == nil {
			template.work = 1 << 21
			_, err = template.Render(Input{Now: time.Unix(0, 0)})
		}
		var e *Error
		require.ErrorAs(t, err, &e, "%.100s", source)
		assert.NotZero(t, e.Line, "%.100s", source)
		assert.Less(t, len(e.Error()), 300, "%.100s", source)
	}
}

// TestLimitsBoundMemory holds that no template makes much more than its limit on
// work, whatever it is.
func TestLimitsBoundMemory(t *testing.T) {
	for _, source := range hostile[1:3] {
		template, err := Compile(source)
		require.NoError(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = template.Render(Input{})
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3*baseWork), source)
	}
}

func TestStrftime(t *testing.T) {
	now := time.Date(2026, 11, 3, 7, 5, 9, 123456000, time.UTC) // a Tuesday
	for format, want := range map[string]string{
		"%Y-%m-%dT%H:%M:%S.%f%z":  "2026-11-03T07:05:09.123456+0000",
		"%a %A %b %B %e %-d %y":   "Tue Tuesday Nov November  3 3 26",
		"%I:%M %p %j %u %w %s %%": fmt.Sprintf("07:05 AM 307 2 2 %d %%", now.Unix()),
		"%F %T %D %R %n%t%Z":      "2026-11-03 07:05:09 11/03/26 07:05 \n\tUTC",
		"100%":                    "100%",
	} {
		got, err := strftime(now, format)
		require.NoError(t, err)
		assert.Equal(t, want, got, format)
	}
	_, err := strftime(now, "%Q")
	assert.EqualError(t, err, "strftime: %Q is not supported")
}

func TestFromJSON(t *testing.T) {
	for raw, want := range map[string]string{
		` {"b": 1, "a": [true, null, 1.50, 1e400, "x\ny"]} `: `{'b': 1, 'a': [True, None, 1.5, inf, 'x\ny']}`,
		`12345678901234567890`:                               `12345678901234567890`,
		`-0`:                                                 `0`,
		`-0.0`:                                               `-0.0`,
		`1E2`:                                                `100.0`,
	} {
		v, err := FromJSON([]byte(raw), 0)
		require.NoError(t, err, raw)
		r := &renderer{work: baseWork}
		s, err := r.str(v)
		require.NoError(t, err)
		assert.Equal(t, want, s.s)
	}
	for _, bad := range []string{``, `{`, `{"a": 1, "a": 2}`, `"\ud800"`, strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat("1", 5000)} {
		_, err := FromJSON([]byte(bad), 0)
		assert.Error(t, err, "%.20s", bad)
	}
}

package bench

// What the corpus's text is made of. Changing any of it changes every corpus,
// which the golden digest in testdata shows.

// commonWords are in the order of their frequency, roughly. The first
// `ordinary` are those found in any text.
const commonWords = `the of and to a in is that for it as with on be are this by an or can you from at your not
which their have was will has its but they more if one we these use all how when there such used other also may into
what should than some each so them time between between would most about example could he she her his our been were
where like then do does only many out up over my no any make made very new first two who both while using used way
through same different because need help must might being even those well just me us him after before since under
between within without during against among every another few several often always never here now still
people work data system number value function answer question list text word sentence following given order result
information process important include including provide based create change small large high low good better best
long short place part world life day year week month hour water food air light energy power heat cost price money
market company business customer product service team project plan goal step problem solution method model test
level rate type form set group case point line area side end start state country city home family child student
teacher school health body mind heart hand eye book story character name letter language english write read speak
learn understand know think believe feel want give take find keep let begin show hear play run move live happen
turn follow stop open walk grow win offer remember love consider appear buy wait serve build stay reach remain
suggest raise pass sell require report decide pull return explain hope develop carry break receive agree support
hit produce eat cover catch draw choose cause compare describe identify improve reduce increase avoid ensure allow
enable design generate calculate measure analyze evaluate discuss summarize translate classify organize review check
simple clear complex common specific general possible available effective efficient natural human social economic
political public private local global modern early late recent current future past present real true false full
empty strong weak fast slow easy hard hot cold warm cool dry wet clean dirty safe young old big little great deep
wide rich poor free busy quiet loud bright dark red blue green white black yellow brown gray
algorithm array string variable object class file code program input output table column row query index key
network server client request response error message user password page site link image video sound music song art
paint color shape size weight length distance speed force mass temperature pressure volume surface space earth sun
moon star planet sea river lake mountain forest tree plant flower animal dog cat bird fish horse insect cell gene
protein acid metal gold iron oil gas stone wood glass paper plastic cloth road bridge car train ship plane engine
machine computer phone camera battery wire circuit signal code theory law rule right duty court judge police crime
war peace army king leader government president minister vote party tax trade bank loan interest debt stock share
risk profit loss budget income worker employer job career skill training experience knowledge education science
research study experiment evidence fact opinion argument reason logic proof equation fraction ratio average sum
difference square root angle circle triangle probability random sample population growth disease doctor patient
medicine treatment hospital exercise sleep diet fruit vegetable meat bread milk sugar salt tea coffee kitchen recipe
garden farm farmer weather rain snow wind storm season spring summer autumn winter morning evening night holiday
travel hotel ticket map history culture religion tradition language festival dance theatre film actor writer poet
poem novel paragraph title topic summary detail feature benefit advantage challenge opportunity strategy policy
resource environment climate pollution waste recycling solar carbon emission conservation species habitat ecosystem
well-being long-term real-time high-quality step-by-step user-friendly`

// foreignWords are spread among the common ones.
const foreignWords = `café naïve résumé Zürich São piñata über façade jalapeño Kraków €5 £20 °C ½ × → — … “so” ‘as’ é ñ
данные слово мир Αθήνα λόγος 日本語 東京 数据 学习 한국어 مرحبا שלום नमस्ते 🙂 🚀 🎉 👩‍🔬 ∑ π ≈ ≤ ∞ √2 Ångström crème São-Paulo
señor garçon Köln œuvre smörgåsbord Dvořák Łódź İstanbul Việt`

// The rest of the vocabulary is prefix, root, suffix. The lists are split at
// single spaces: two in a row stand for an empty part.
const (
	wordPrefixes = ` re con de in  pre pro un ex dis  sub inter over trans  per com im en out  micro`
	wordRoots    = `act port struct form duct spect vert mit cede clar fer fin flect flu grad gress ject jud lect loc log man
mark med ment min mob mort mov norm not nov oper ord pars part pass path pend phon plac plex plic pon pos press prob
quest rad rect rupt sal sci scrib sect sens serv sign sim solv son spir stan strat sum tact tain tend term test tex
therm tract trib turb val ven vers vid vis voc vol cap cit cand cord corp cred cult cur dat dem dict dom dur equ fac
fed fig firm fract frag fus gen geo graph grat hab her host hum jur labor lat leg lev lib lin lum mag mem mens merg
migr mod mon mult nat nav nect neg nerv nomin numer opt ort pact pan pel plan pol popul prim punct rang rat rob sat
sec sed sequ sist spec sper stat stim stru tang temp ten theor ton tort tour tut urb util vac var veh vig vit`
	wordSuffixes = ` s ed ing ion ions er ers al ive able ment ments ity ly or ance ate ates ated ating ize ized ary ous ic`
)

var people = []string{
	"Maria", "Noor", "James", "Ava", "Chen", "Priya", "Tom", "Fatima", "Luis", "Sofia", "Kenji", "Amara", "Olga", "Ben",
	"Yusuf", "Emma", "Diego", "Hana", "Sam", "Ingrid", "Kofi", "Leila", "Marco", "Nina", "Omar", "Ruth", "Tara", "Viktor",
}

var tasks = []string{
	`Explain $p in simple terms.`, `Write a short note about $t for $c.`, `Summarize the following text in $n sentences.`,
	`List $n ways to $w the $t.`, `What is the difference between $t and $t?`, `Describe how $p can $w $p.`,
	`Rewrite the sentence so that it sounds more formal.`, `Give an example of $p and say why it matters.`,
	`Compare $t with $t, with regard to $p.`, `Suggest a title for an article about $p.`, `Classify the text as $t, $t or $t.`,
	`How would you explain \"$t\" to a $n-year-old?`, `Analyze the $t of $p and its effect on $p.`,
	`Identify the main argument in the passage.`, `What are the advantages of $p over $p?`, `Edit the text to remove $p.`,
	`Create a plan for $c to $w $p within $n weeks.`, `Find the errors in the paragraph below, and correct them.`,
	`Evaluate whether $p is likely to $w $t.`, `Provide $n tips on $p.`, `Write an email to $c about the $t.`,
	`Tell me about the history of $t.`, `Translate \"$p\" into plain English.`, `Why does $p $w $p?`,
}

var writing = []string{
	`Write a poem about $p.`, `Begin a story in which $c finds $p.`, `Describe a $t at night, without naming it.`,
	`Write a dialogue between $c and $c about $p.`, `Invent a legend that explains $p.`, `Write $n lines on $t and $t.`,
	`Continue the story: \"$c had never seen $p.\"`, `Write a letter from $c to a $t.`,
}

var requests = []string{
	`Find $p for $c.`, `Can you look up the $t of $p?`, `Please book $t for $n people on day $n.`, `What is the current $t in \"$t\"?`,
	`Show me the last $n entries about $t.`, `Is there any $t left for $c?`, `How much does $p cost?`, `Remind $c about $p at $n:30.`,
}

var verbs = []string{"get_", "search_", "list_", "create_", "update_", "find_", "convert_", "check_"}

var origins = []string{
	"forum-export", "handbook", "course-notes", "support-desk", "wiki-dump", "lab-notebook", "textbook", "interviews",
	"newsletter", "archive-2019", "archive-2021", "volunteers",
}

var references = []string{"encyclopedia, checked entry", "standard reference tables", "official statistics", "textbook, chapter and page"}

var safetyLabels = []string{"refusal", "safe_completion", "redirect"}

// language is how code of one language looks: lines are templates for form, as
// JSON text.
type language struct {
	title, fence string
	open, close  string
	lines        []string
}

var languages = []language{
	{
		title: "a Python function", fence: "python",
		open:  `import $t\n\n\ndef $i($i, $i=$n):\n    \"\"\"Return the $t of $p.\"\"\"\n`,
		close: `    return $i\n`,
		lines: []string{
			`    $i = $i.get(\"$t\", $n)\n`, `    if $i > $n:\n        raise ValueError(f\"$t: {$i}\")\n`,
			`    for $i in range(len($i)):\n        $i += $i[$n]\n`, `    $i = [x for x in $i if x != $n]\n`,
			`    # $p\n`, `    $i = sorted($i, key=lambda x: x[$n])\n`, `    while $i < $i:\n        $i -= 1\n`,
			`    print(\"$w:\", $i)\n`, `    with open(\"$t.txt\") as f:\n        $i = f.read().split(\"\\n\")\n`, `\n`,
		},
	},
	{
		title: "a Go function", fence: "go",
		open:  `// $i returns $p.\nfunc $i($i []int, $i string) (int, error) {\n\t$i := $n\n`,
		close: `\treturn $i, nil\n}\n`,
		lines: []string{
			`\tfor i, $i := range $i {\n\t\t$i += $i * i\n\t}\n`, `\tif $i == \"\" {\n\t\treturn 0, errors.New(\"$t is empty\")\n\t}\n`,
			`\t$i, err := $i($i, \"$t\")\n\tif err != nil {\n\t\treturn 0, fmt.Errorf(\"$w $t: %w\", err)\n\t}\n`,
			`\t// $p\n`, `\t$i = append($i, $n)\n`, `\tsort.Ints($i)\n`, `\t$i := make(map[string]int, $n)\n`, `\n`,
		},
	},
	{
		title: "a JavaScript function", fence: "javascript",
		open:  `const $i = require('$t');\n\nfunction $i($i, $i) {\n`,
		close: `  return $i;\n}\n`,
		lines: []string{
			`  const $i = $i.map(x => x.$i * $n);\n`, `  if (!$i) {\n    throw new Error(\"no $t\");\n  }\n`,
			`  let $i = await fetch('/$t/$t');\n`, `  // $p\n`, `  for (const $i of $i) {\n    $i.push($i);\n  }\n`,
			`  console.log(\"$w $t\", $i);\n`, `  $i.$i = { $t: $n, $t: '$w' };\n`, `\n`,
		},
	},
	{
		title: "an SQL query", fence: "sql",
		open:  `SELECT $i, COUNT(*) AS $i\nFROM $i\n`,
		close: `GROUP BY $i\nORDER BY $i DESC\nLIMIT $n;\n`,
		lines: []string{
			`JOIN $i ON $i.id = $i.$i_id\n`, `WHERE $i > $m\n  AND $i IN ('$w', '$w')\n`, `-- $p\n`,
			`LEFT JOIN $i USING ($i)\n`, `  AND $i LIKE '%$t%'\n`, `  AND $i BETWEEN $n AND $m\n`,
		},
	},
	{
		title: "a shell script", fence: "bash",
		open:  `#!/bin/bash\nset -e\n$i=\"$t.log\"\n`,
		close: `echo \"$w $t\"\n`,
		lines: []string{
			`for $i in *.$t; do\n\tmv \"$$$i\" \"$t-$n\"\ndone\n`, `# $p\n`, `grep -c \"$t\" \"$$$i\" | sort -n > $t.txt\n`,
			`if [ ! -f \"$$$i\" ]; then\n\texit $n\nfi\n`, `$i=$$($t --$t=$n)\n`, `awk '{ s += $$$n } END { print s }' $t.txt\n`,
		},
	},
}

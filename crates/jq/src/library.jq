# What jq's manual defines by other functions, defined by them.

def recurse: def all: ., (.[]? | all); all;
def recurse(f): def all: ., (f | all); all;
def recurse(f; condition): def all: ., (f | select(condition) | all); all;

def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);

def add(f): reduce f as $item (null; . + $item);
def repeat(f): def again: f, again; again;
def while(condition; update): def again: if condition then ., (update | again) else empty end; again;
def until(condition; update): def again: if condition then . else update | again end; again;

def first: .[0];
def last: .[-1];
def last(f): reduce f as $item ([]; [$item]) | .[];
def nth($n): .[$n];
def nth($n; f):
  if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;
def limit($n; f):
  if $n > 0 then label $enough | foreach f as $item (0; . + 1; $item, if . >= $n then break $enough else empty end)
  elif $n == 0 then empty
  else error("limit doesn't support negative count") end;
def skip($n; f):
  if $n > 0 then foreach f as $item ($n; . - 1; if . < 0 then $item else empty end)
  elif $n == 0 then f
  else error("skip doesn't support negative count") end;

def in(container): . as $key | container | has($key);
def inside(container): . as $part | container | contains($part);
def index($part): indices($part) | .[0];
def rindex($part): indices($part) | .[-1];
def combinations:
  if length == 0 then [] else .[0][] as $first | (.[1:] | combinations) as $rest | [$first] + $rest end;
def combinations($n): . as $items | [range($n)] | map($items) | combinations;
def ascii: [.] | implode;

def paths: path(..) | select(length > 0);
def paths(condition): path(.. | select(condition)) | select(length > 0);
def leaf_paths: paths(scalars);
def pick(paths): . as $all | reduce path(paths) as $path (null; setpath($path; $all | getpath($path)));
def walk(f):
  def all: if type == "object" then map_values(all) elif type == "array" then map(all) else . end | f;
  all;

def tostream:
  path(def all: (.[]? | all), .; all) as $path
  | getpath($path)
  | reduce path(.[]?) as $last ([$path, .]; [$path + $last]);
def fromstream(f):
  foreach f as $event (null;
    (if .done then null else . end)
    | ($event[0] | length) as $depth
    | if ($event | length) == 2
      then {done: ($depth == 0), value: (.value | setpath($event[0]; $event[1]))}
      else {done: ($depth == 1), value} end;
    if .done then .value else empty end);
def truncate_stream(stream):
  . as $depth | null | stream | select((.[0] | length) > $depth) | .[0] |= .[$depth:];

def INDEX(f): INDEX(.[]; f);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def IN(stream): any(stream == .; .);
def IN(source; stream): any(source == stream; .);
def JOIN($index; key): [.[] | [., $index[key]]];
def JOIN($index; stream; key): stream | [., $index[key]];
def JOIN($index; stream; key; join): stream | [., $index[key]] | join;

def match($re): match($re; null);
def match($re; $flags): _match($re; $flags; false) | .[];
def test($re): test($re; null);
def test($re; $flags): _match($re; $flags; true);
def capture($re): capture($re; null);
def capture($re; $flags): match($re; $flags) | _captured;
def scan($re): scan($re; null);
def scan($re; $flags):
  match($re; "g" + $flags)
  | if (.captures | length) > 0 then [.captures[].string] else .string end;
def split($re; $flags): _edits($re; "g" + $flags) | [.edits[][0], .tail];
def splits($re): splits($re; null);
def splits($re; $flags): split($re; $flags) | .[];
def sub($re; text): sub($re; text; "");
def gsub($re; text): sub($re; text; "g");
def gsub($re; text; $flags): sub($re; text; $flags + "g");
def sub($re; text; $flags):
  . as $whole
  | _edits($re; $flags) as $found
  | reduce $found.edits[] as [$gap, $captures] ([];
      reduce ([$captures | text] | to_entries[]) as $new (.; .[$new.key] += $gap + $new.value))
  | (.[] + $found.tail) // $whole;

def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def todateiso8601: todate;
def date: todate;
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def fromdate: fromdateiso8601;
def dateadd(unit; $n): . + $n;
def datesub(unit; $n): . - $n;

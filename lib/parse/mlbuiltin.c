#include "parse/mlrules.h"

/* clang-format off */

/* What begins a trace may be vague: alone it changes nothing, since only lines that fit a
 * rule of the state behind it are joined to it.  Those are exact. */
#define THROWN "(?:Exception|Error|Throwable)(?=[:;\\s]|$)"
#define BLANK "^[\\t ]*+$"
#define AT "^[\\t ]++at \\S"

static const struct mlbuiltin_rule java[] = {
	{ "start_state", THROWN, "head" },
	{ "start_state", "^Exception in thread \"", "head" },
	{ "head,frames", AT, "frames" },
	{ "head,frames", "^[\\t ]*+(?:Caused by|Suppressed|Wrapped by): ", "head" },
	{ "head", "^[\\t ]*+nested exception is:?", "nested" },
	{ "nested", THROWN, "head" },
	/* at once behind a cause that shares all frames */
	{ "head,frames", "^[\\t ]*+\\.\\.\\. \\d++ (?:more|common frames? omitted)", "frames" },
	{ "frames", "^[\\t ]*+\\[CIRCULAR REFERENCE: ?", "frames" },
	{ NULL, NULL, NULL },
};

static const struct mlbuiltin_rule python[] = {
	{ "start_state,group", "^[\\t ]++[+|][\\t ]++Exception Group Traceback \\(most recent call last\\):", "group" },
	{ "group", "^[\\t ]++[+|]", "group" },
	{ "start_state,again", "Traceback \\(most recent call last\\):[\\t ]*+$", "frames" },
	{ "start_state", "^  File \"[^\"]++\", line \\d++$", "frames" }, /* a syntax error */
	{ "frames", "^[\\t ]++\\S", "frames" }, /* File, source, ^^^^ */
	{ "frames", "^[A-Za-z_][\\w.]*+(?::|$)", "raised" },
	{ "frames", BLANK, "frames" }, /* a source line that is blank */
	{ "raised", BLANK, "link" },
	{ "link", "^(?:During handling of the above exception, another exception occurred"
	          "|The above exception was the direct cause of the following exception):$",
	  "again" },
	{ "again", BLANK, "again" },
	{ NULL, NULL, NULL },
};

#define GOROUTINE "^goroutine \\d++ .*\\[[^]]++\\]:$"
static const struct mlbuiltin_rule go[] = {
	{ "start_state,head", "(?:^|[\\t ])panic: ", "head" },
	{ "start_state", "^(?:fatal error: |unexpected fault address |SIG[A-Z]++: )", "head" },
	{ "start_state", "(?:^|[\\t ])http: panic serving ", "head" },
	{ "start_state,head,gap", GOROUTINE, "frames" },
	{ "head", "^\\[(?:signal |recovered)", "head" },
	{ "head", "^(?:PC|m|sigcode|addr|fp|sp)=", "head" },
	{ "head", "^fatal error: ", "head" },
	{ "head,gap", "^runtime(?: stack)?:", "frames" },
	{ "head,frames", BLANK, "gap" },
	{ "gap", BLANK, "gap" },
	{ "frames", "^\\t\\S", "frames" }, /* file:line +0x1d */
	{ "frames", "^created by \\S", "frames" },
	{ "frames", "^[\\w./@%~-][^\\s]*\\(.*\\)$", "frames" }, /* the function */
	{ "frames", "^\\.\\.\\.(?:\\d++ frames elided|additional frames elided)\\.\\.\\.$", "frames" },
	{ "frames", GOROUTINE, "frames" },
	{ "frames,gap", "^[a-z]\\w{1,6} ++0x[0-9a-f]++$", "frames" }, /* registers */
	{ "frames,gap", "^exit status \\d++$", "ended" },
	{ NULL, NULL, NULL },
};

#define PLACE ":\\d++:in [`'\"]"
static const struct mlbuiltin_rule ruby[] = {
	{ "start_state", "^[\\t ]*+\\S+?" PLACE, "trace" },
	{ "start_state", "^(?:\\[[\\w-]++\\] )?[A-Z]\\w*+(?:::[A-Z]\\w*+)*+ \\(.*\\):?$", "named" }, /* Rails */
	{ "start_state", "^[\\t ]*+Traceback \\(most recent call last\\):$", "trace" },
	{ "trace", "^[\\t ]++(?:\\d++: )?from \\S", "trace" },
	{ "trace,named,gap", "^[\\t ]*+(?:\\(\\w++\\) )?\\S+?(?: \\([\\w.-]++\\) \\S+?)?" PLACE, "trace" },
	{ "trace", "^[\\t ]++\\.\\.\\. \\d++ levels\\.\\.\\.$", "trace" },
	{ "trace", "^[\\t ]++\\d++: from \\S", "trace" },
	{ "named", BLANK, "gap" },
	{ "gap", BLANK, "gap" },
	{ NULL, NULL, NULL },
};

#define JS_THROWN "[Ee](?:rror|xception)(?: \\[[\\w.]++\\])?(?=[:\\s{]|$)"
static const struct mlbuiltin_rule js[] = {
	/* where it was thrown, the source line, a caret; then the error */
	{ "start_state", "^(?:\\S+\\.[cm]?[jt]sx?|node:[\\w/.-]++|\\[eval\\]|evalmachine\\.<anonymous>):\\d++$", "place" },
	{ "place", "\\S", "source" },
	{ "source", "^[\\t ]*+[\\^~]++[\\t ]*+$", "source" },
	{ "source", BLANK, "source" },
	{ "source,start_state", JS_THROWN, "head" },
	{ "head,frames", "^[\\t ]++at .*\\{$", "members" },
	{ "head,frames", AT, "frames" },
	{ "head,frames", "^[\\t ]*+(?:\\[cause\\]|Caused by): ", "head" },
	{ "members", "^[\\t ]++\\S", "members" },
	{ "members", "^\\}$", "closed" },
	{ "frames,closed", BLANK, "gap" },
	{ "gap", "^Node\\.js v\\d", "ended" },
	{ NULL, NULL, NULL },
};

static const struct mlbuiltin_rule php[] = {
	{ "start_state", "(?:rror|xception)[:\\s(]", "head" },
	{ "start_state,head", "^(?:PHP )?(?:Stack trace:|\\[stacktrace\\])[\\t ]*+$", "trace" },
	{ "head", "^(?:PHP )?#0 ", "trace" },
	{ "trace", "^(?:PHP )?[\\t ]*+(?:#\\d++ |\\d++\\. )\\S", "trace" },
	{ "trace", BLANK, "chain" },
	{ "trace,chain", "^(?:Next |\\[previous exception\\] )\\S", "head" },
	{ "trace", "^[\\t ]++thrown in \\S", "ended" },
	{ "trace", "^\"\\}[\\t ]*+(?:\\[\\])?$", "ended" }, /* Monolog */
	{ NULL, NULL, NULL },
};

static const struct mlbuiltin_rule csharp[] = {
	{ "start_state", THROWN, "head" },
	{ "start_state", "^Unhandled [Ee]xception", "head" },
	{ "head,frames", AT, "frames" },
	{ "head,frames", "^[\\t ]*+---> \\S", "head" },
	{ "head,frames", "^[\\t ]*+--- End of (?:inner exception )?stack trace", "frames" },
	{ NULL, NULL, NULL },
};

static const struct mlbuiltin_rule dart[] = {
	{ "start_state", "^Unhandled exception:[\\t ]*+$", "thrown" },
	{ "start_state", "EXCEPTION CAUGHT BY ", "report" }, /* Flutter, in a frame */
	{ "start_state", "[Ee](?:xception|rror)(?=[:\\s]|$)", "head" },
	{ "thrown", "\\S", "head" },
	{ "head,frames", "^#\\d++[\\t ]++\\S", "frames" },
	{ "frames", "^<asynchronous suspension>$", "frames" },
	{ "frames", "^\\(elided \\w++ frames? ", "frames" },
	{ "report", "^(?:\xe2\x95\x90){20}", "ended" }, /* ════… */
	{ "report", "", "report" },
	{ NULL, NULL, NULL },
};

const struct mlbuiltin mlbuiltins[] = {
	{ "java",
	  "java.lang.IllegalStateException: cart 7 is closed\n"
	  "\tat com.acme.Cart.add(Cart.java:42)\n"
	  "\tat com.acme.Main.main(Main.java:9)\n"
	  "Caused by: java.io.IOException: disk full\n"
	  "\tat com.acme.Store.put(Store.java:77)\n"
	  "\t... 2 more\n",
	  java },
	{ "python",
	  "Traceback (most recent call last):\n"
	  "  File \"/app/main.py\", line 12, in <module>\n"
	  "    run(cart)\n"
	  "KeyError: 'id'\n",
	  python },
	{ "go",
	  "panic: runtime error: index out of range [3] with length 3\n"
	  "\n"
	  "goroutine 1 [running]:\n"
	  "main.pick(...)\n"
	  "\t/app/main.go:8\n"
	  "main.main()\n"
	  "\t/app/main.go:14 +0x1d\n"
	  "exit status 2\n",
	  go },
	{ "ruby",
	  "app.rb:3:in `add': undefined method `+' for nil:NilClass (NoMethodError)\n"
	  "\tfrom app.rb:9:in `each'\n"
	  "\tfrom app.rb:9:in `<main>'\n",
	  ruby },
	{ "js",
	  "TypeError: Cannot read properties of undefined (reading 'id')\n"
	  "    at add (/app/cart.js:12:21)\n"
	  "    at async /app/server.js:40:5\n",
	  js },
	{ "php",
	  "PHP Fatal error:  Uncaught RuntimeException: no cart in /app/cart.php:12\n"
	  "Stack trace:\n"
	  "#0 /app/index.php(7): add()\n"
	  "#1 {main}\n"
	  "  thrown in /app/cart.php on line 12\n",
	  php },
	{ "csharp",
	  "System.InvalidOperationException: no cart\n"
	  " ---> System.IO.IOException: disk full\n"
	  "   at Acme.Store.Put(String key) in /src/Store.cs:line 77\n"
	  "   --- End of inner exception stack trace ---\n"
	  "   at Acme.Cart.Add(Int32 id) in /src/Cart.cs:line 42\n",
	  csharp },
	{ "dart",
	  "Unhandled exception:\n"
	  "Bad state: No element\n"
	  "#0      List.first (dart:core-patch/growable_array.dart:344:5)\n"
	  "#1      main (file:///app/bin/main.dart:4:8)\n",
	  dart },
};
const size_t mlbuiltins_n = sizeof mlbuiltins / sizeof *mlbuiltins;

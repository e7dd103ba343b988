# Stand-in for Vitis HLS, for tests alone: what it reports is made up, and never a result.
#
# It runs the scripts and configuration files of the project on a real Tcl interpreter, knows the commands, options and
# files of Vitis HLS and refuses any other, compiles and runs the test bench, and writes reports of the real form.
#
#     STAND_IN_VERSION   release that the banner names
#     STAND_IN_HEADERS   folder of AMD's headers
#     STAND_IN_LOG       file that gets a line per invocation: program, what it did, HOME
#     STAND_IN_FAIL      <stage>:<kind>, how to fail; see `failing`
#     STAND_IN_QUICK     1: do not compile

proc setting {name default} {
    return [expr {[info exists ::env(STAND_IN_$name)] ? $::env(STAND_IN_$name) : $default}]
}

proc banner {program} {
    puts "\n****** $program v[setting VERSION 2024.1] (64-bit)"
    puts "  **** stand-in for tests, not a tool"
    flush stdout
    if {[read stdin] ne ""} {refuse "stdin must be empty"}
}

proc record {what} {
    if {[setting LOG ""] eq ""} return
    set file [open [setting LOG ""] a]
    puts $file [list $::program $what $::env(HOME) [pwd]]
    close $file
}

proc refuse {message} {
    puts "ERROR: \[HLS 200-101\] $message"
    error $message
}

# Options of a command: `known` has name → 0 for a switch, 1 for one with a value; returns {options positional}.
proc parsed {command known arguments} {
    set options {}
    set rest {}
    while {[llength $arguments]} {
        set arguments [lassign $arguments word]
        if {[string index $word 0] ne "-"} {
            lappend rest $word
        } elseif {![dict exists $known $word]} {
            refuse "$command: unknown option '$word'"
        } elseif {[dict get $known $word]} {
            if {![llength $arguments]} {refuse "$command: option '$word' needs a value"}
            set arguments [lassign $arguments value]
            dict set options $word $value
        } else {
            dict set options $word 1
        }
    }
    return [list $options $rest]
}

proc one_of {command value choices} {
    if {$value ni $choices} {refuse "$command: '$value' is none of [join $choices {, }]"}
}

proc number {command value} {
    if {![string is double -strict $value] || $value <= 0} {refuse "$command: '$value' is no number above 0"}
}

# ---------------------------------------------------------------------------------------------------- the project

array set state {project "" solution "" top "" sources {} bench {} part "" clock 10 uncertainty 27% flow vivado
                 reset control synthesised 0}

proc place {} {
    if {$::state(project) eq "" || $::state(solution) eq ""} {refuse "no project and solution are open"}
    return [file join $::state(project) $::state(solution)]
}

proc keep {} {
    if {$::state(project) eq "" || $::state(solution) eq ""} return
    file mkdir [place]
    set file [open [file join [place] state] w]
    puts $file [array get ::state]
    close $file
}

proc open_project {args} {
    lassign [parsed open_project {-reset 0} $args] options rest
    if {[llength $rest] != 1} {refuse "open_project: one name"}
    if {[dict exists $options -reset]} {file delete -force [lindex $rest 0]}
    set ::state(project) [lindex $rest 0]
    file mkdir $::state(project)
}

proc open_solution {args} {
    lassign [parsed open_solution {-reset 0 -flow_target 1} $args] options rest
    if {[llength $rest] != 1} {refuse "open_solution: one name"}
    if {[dict exists $options -flow_target]} {
        one_of open_solution [dict get $options -flow_target] {vivado vitis}
        set ::state(flow) [dict get $options -flow_target]
    }
    set ::state(solution) [lindex $rest 0]
    if {[dict exists $options -reset]} {
        file delete -force [place]
    } elseif {[file exists [file join [place] state]]} {
        set file [open [file join [place] state]]
        array set ::state [read $file]
        close $file
    }
    keep
}

proc set_top {name} {
    if {![regexp {^[A-Za-z_]\w*$} $name]} {refuse "set_top: '$name' is no function"}
    set ::state(top) $name
}

proc add_files {args} {
    lassign [parsed add_files {-tb 0 -cflags 1 -csimflags 1} $args] options rest
    if {![llength $rest]} {refuse "add_files: no file"}
    set flags [expr {[dict exists $options -cflags] ? [dict get $options -cflags] : ""}]
    foreach path $rest {
        if {![file exists $path]} {
            puts "ERROR: \[HLS 200-1046\] Cannot find file '$path'"
            error "cannot find $path"
        }
        if {[file pathtype $path] ne "relative"} {refuse "add_files: $path is not relative"}
        set kind [expr {[dict exists $options -tb] ? "bench" : "sources"}]
        set ::state($kind) [lsearch -all -inline -not -exact -index 0 $::state($kind) $path]
        lappend ::state($kind) [list $path $flags]
    }
    keep
}

proc set_part {name} {
    if {$name ni {xc7z020clg400-1 xcku5p-ffvb676-2-e} || [failing setup part]} {
        puts "ERROR: \[HLS 200-1023\] Part '$name' is not installed."
        error "part not installed"
    }
    set ::state(part) $name
    keep
}

proc create_clock {args} {
    lassign [parsed create_clock {-period 1 -name 1} $args] options rest
    if {[llength $rest]} {refuse "create_clock: $rest"}
    number create_clock [string map {ns ""} [dict get $options -period]]
    set ::state(clock) [string map {ns ""} [dict get $options -period]]
    keep
}

proc set_clock_uncertainty {value args} {
    number set_clock_uncertainty [string map {% "" ns ""} $value]
    set ::state(uncertainty) $value
    keep
}

proc config_rtl {args} {
    lassign [parsed config_rtl {-reset 1 -reset_async 0 -reset_level 1} $args] options rest
    if {[dict exists $options -reset]} {
        one_of config_rtl [dict get $options -reset] {none control state all}
        set ::state(reset) [dict get $options -reset]
    }
    if {[dict exists $options -reset_level]} {one_of config_rtl [dict get $options -reset_level] {low high}}
    keep
}

proc config_dataflow {args} {
    lassign [parsed config_dataflow {-override_user_fifo_depth 1} $args] options rest
    number config_dataflow [dict get $options -override_user_fifo_depth]
}

# ---------------------------------------------------------------------------------------------------- failing

# Whether to fail at this point in this way. `clash` fails the first time only.
proc failing {stage kind} {
    if {[setting FAIL ""] ne "$stage:$kind"} {return 0}
    if {$kind eq "clash"} {
        set mark [setting LOG ""].clashed
        if {[file exists $mark]} {return 0}
        close [open $mark w]
    }
    return 1
}

proc fail {stage} {
    if {[failing $stage licence]} {
        puts "ERROR: \[Common 17-345\] A valid license was not found for feature 'HLS' and/or device 'xc7z020'."
        error "licence"
    }
    if {[failing $stage memory]} {
        puts "terminate called after throwing an instance of 'std::bad_alloc'"
        exit 134
    }
    if {[failing $stage disk]} {
        puts "ERROR: \[Common 17-179\] write error: No space left on device"
        error "disk full"
    }
    if {[failing $stage killed]} {exec kill -KILL [pid]}
    if {[failing $stage hang]} {
        exec sleep 600 &
        exec sleep 600
    }
    if {[failing $stage clash]} {
        set file [open xcd.log w]
        puts $file "xcd: bind: Address already in use"
        close $file
        puts "ERROR: \[COSIM 212-4\] *** C/RTL co-simulation finished: FAIL ***"
        error "cosim"
    }
    if {[failing $stage unroll]} {
        puts "ERROR: \[HLS 200-1471\] Stop unrolling loop 'Parallel' in function 'fc1_step' because it is too large"
        error "unroll"
    }
    # exit codes alone are not to be trusted
    if {[failing $stage zero]} {
        puts "ERROR: \[HLS 207-3776\] use of undeclared identifier 'nowhere' (../firmware/top.cpp:4:2)"
        exit 0
    }
}

# ---------------------------------------------------------------------------------------------------- compilation

proc compilers {} {
    return [expr {[auto_execok clang++] ne "" ? {g++ clang++} : {g++}}]
}

proc compile_sources {} {
    if {![regexp "void $::state(top)\\(" [contents $::state(sources)]]} {
        puts "ERROR: \[HLS 214-157\] Top function not found: there is no function named '$::state(top)'"
        error "no top"
    }
    if {[setting QUICK 0]} return
    foreach compiler [compilers] {
        if {[catch {compiled $compiler $::state(sources) -DHLSPIKE_EXACT_WIDTH -fsyntax-only} message]} {
            regexp -line {^(\S.*?:\d+:\d+): (?:fatal )?error: (.*)$} $message whole where what
            puts "ERROR: \[HLS 207-3776\] $what ($where)"
            error "C++"
        }
    }
}

# Every C++ file of `files` as one unit, which takes a fraction of the time of one each. Not with -D__SYNTHESIS__, which
# the open headers refuse.
proc compiled {compiler files args} {
    set unit {}
    set every {}
    foreach file $files {
        lassign $file path flags
        if {[file extension $path] ne ".cpp"} continue
        lappend unit -include $path
        foreach flag $flags {if {$flag ni $every} {lappend every $flag}}
    }
    exec $compiler {*}$every -DNDEBUG -w -isystem [setting HEADERS ""] {*}$args {*}$unit -x c++ /dev/null 2>@1
}

proc contents {pairs} {
    set text ""
    foreach pair $pairs {
        set file [open [lindex $pair 0]]
        append text [read $file]
        close $file
    }
    return $text
}

# Build the test bench with `compiler`, unless that has been done, and run it in `folder`; returns what it printed.
proc bench {folder compiler} {
    file mkdir $folder
    foreach file $::state(bench) {
        if {[file extension [lindex $file 0]] ne ".cpp"} {file copy -force [lindex $file 0] $folder}
    }
    set program [file join [pwd] [place] $compiler.exe]
    set here [pwd]
    if {![file exists $program]} {compiled $compiler [concat $::state(sources) $::state(bench)] -O0 -o $program}
    cd $folder
    set failed [catch {exec $program 2>@1} text]
    cd $here
    puts $text
    if {$failed} {error "nonzero return value"}
    return $text
}

proc csim_design {args} {
    parsed csim_design {-O 0 -clean 0 -argv 1} $args
    puts "INFO: \[HLS 200-1510\] Running: csim_design $args"
    record csim
    fail csim
    file delete {*}[glob -nocomplain -directory [place] *.exe]
    if {![llength $::state(bench)]} {refuse "csim_design: no test bench"}
    if {![setting QUICK 0]} {
        foreach compiler [compilers] {
            if {[catch {bench [file join [place] csim build] $compiler} message]} {
                puts "ERROR: \[SIM 211-100\] 'csim_design' failed: $message"
                error "csim"
            }
        }
    }
    puts "INFO: \[SIM 211-1\] CSim done with 0 errors."
}

proc csynth_design {} {
    puts "INFO: \[HLS 200-1510\] Running: csynth_design "
    puts "INFO: \[HLS 200-10\] Analyzing design file ..."
    record csynth:$::state(top)
    fail csynth
    foreach key {top part sources} {if {![llength $::state($key)]} {refuse "csynth_design: no $key"}}
    if {[failing csynth cpp]} {
        puts "ERROR: \[HLS 207-3776\] use of undeclared identifier 'nowhere' (../firmware/top.cpp:4:2)"
        error "C++"
    }
    compile_sources
    puts "INFO: \[HLS 200-10\] -- Generating RTL for module '$::state(top)'"
    if {![failing csynth silent]} {
        set folder [file join [place] syn report]
        file mkdir $folder
        set file [open [file join $folder csynth.xml] w]
        puts $file [expr {[failing csynth broken] ? "<profile>" : [synthesis_report]}]
        close $file
    }
    set ::state(synthesised) 1
    keep
    puts "INFO: \[HLS 200-789\] **** Estimated Fmax: 136.99 MHz"
}

proc uncertainty {} {
    regexp {[\d.]+} $::state(uncertainty) value
    return [expr {[string match *% $::state(uncertainty)] ? $::state(clock) * $value / 100 : $value}]
}

# Every number follows from the text of the sources, so that a test can tell whose report it reads.
proc synthesis_report {} {
    set text [contents $::state(sources)]
    set size [string length $text]
    set modules ""
    foreach {whole name} [regexp -all -inline {void (\w+_step)\(} $text] {
        append modules "<Module><Name>$name</Name><PerformanceEstimates><SummaryOfTimingAnalysis>
<TargetClockPeriod>$::state(clock)</TargetClockPeriod><ClockUncertainty>[uncertainty]</ClockUncertainty>
<EstimatedClockPeriod>7.000</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>undef</Best-caseLatency><Average-caseLatency>undef</Average-caseLatency>
<Worst-caseLatency>[string length $name]</Worst-caseLatency>
<PipelineInitiationInterval>[string length $name]</PipelineInitiationInterval></SummaryOfOverallLatency>
<SummaryOfLoopLatency><Groups><Name>Groups</Name><TripCount>4</TripCount><Latency>6</Latency><PipelineII>1</PipelineII>
<PipelineDepth>3</PipelineDepth></Groups></SummaryOfLoopLatency></PerformanceEstimates>
<AreaEstimates><Resources><FF>11</FF><AVAIL_FF>106400</AVAIL_FF><LUT>22</LUT><AVAIL_LUT>53200</AVAIL_LUT></Resources>
</AreaEstimates></Module>\n"
    }
    return "<profile>
<ReportVersion><Version>[setting VERSION 2024.1]</Version></ReportVersion>
<UserAssignments><Part>$::state(part)</Part><TopModelName>$::state(top)</TopModelName>
<TargetClockPeriod>$::state(clock)</TargetClockPeriod><ClockUncertainty>[uncertainty]</ClockUncertainty>
<FlowTarget>$::state(flow)</FlowTarget></UserAssignments>
<PerformanceEstimates><PipelineType>no</PipelineType>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>7.000</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>$size</Best-caseLatency>
<Average-caseLatency>$size</Average-caseLatency><Worst-caseLatency>$size</Worst-caseLatency>
<Interval-min>[expr {$size + 1}]</Interval-min><Interval-max>[expr {$size + 1}]</Interval-max>
</SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><DSP>2</DSP><FF>300</FF><LUT>400</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>280</BRAM_18K><DSP>220</DSP><FF>106400</FF><LUT>53200</LUT><URAM>0</URAM>
</AvailableResources></AreaEstimates>
<ModuleInformation>\n$modules</ModuleInformation>
</profile>"
}

proc cosim_design {args} {
    lassign [parsed cosim_design {-O 0 -rtl 1 -enable_fifo_sizing 0 -trace_level 1 -argv 1} $args] options rest
    set rtl [expr {[dict exists $options -rtl] ? [dict get $options -rtl] : "verilog"}]
    one_of cosim_design $rtl {verilog vhdl}
    puts "INFO: \[HLS 200-1510\] Running: cosim_design $args"
    record cosim
    fail cosim
    if {!$::state(synthesised)} {
        puts "ERROR: \[COSIM 212-24\] Cannot find generated RTL: run csynth_design first"
        error "cosim"
    }
    set calls 3
    if {![setting QUICK 0] && [regexp {(\d+) emissions} [bench [file join [place] sim wrapc] g++] whole calls]} {}
    if {[failing cosim mismatch]} {
        puts "mismatch: sequence 0, timestep 3, output 0: expected 7, found 2"
        puts "ERROR: \[COSIM 212-359\] Aborting co-simulation: C TB simulation failed, nonzero return value '1'."
        puts "ERROR: \[COSIM 212-4\] *** C/RTL co-simulation finished: FAIL ***"
        error "cosim"
    }
    if {[failing cosim zeros]} {set calls 0}
    puts "// RTL Simulation : 0 / $calls \[0.00%\] @ \"125000\""
    puts "// RTL Simulation : $calls / $calls \[100.00%\] @ \"995000\""
    set low [expr {$calls ? 5 : 0}]
    set status [expr {[failing cosim report] ? "Fail" : "Pass"}]
    set row "| $status| $low| $low| $low| $low| $low| $low| [expr {$calls * $low}]|"
    set none "|        NA|  NA|  NA|  NA|  NA|  NA|  NA|  NA|"
    set folder [file join [place] sim report]
    file mkdir $folder
    set file [open [file join $folder $::state(top)_cosim.rpt] w]
    puts $file "|   RTL    |  Status  | Latency(Clock Cycles) | Interval(Clock Cycles) | Total Execution Time |"
    puts $file "|      VHDL[expr {$rtl eq "vhdl" ? $row : $none}]\n|   Verilog[expr {$rtl eq "vhdl" ? $none : $row}]"
    close $file
    puts "INFO: \[COSIM 212-1000\] *** C/RTL co-simulation finished: PASS ***"
}

proc export_design {args} {
    set known {-flow 1 -format 1 -rtl 1 -vendor 1 -library 1 -ipname 1 -version 1 -display_name 1 -description 1
               -taxonomy 1}
    lassign [parsed export_design $known $args] options rest
    if {[llength $rest]} {refuse "export_design: $rest"}
    set stage [expr {[dict exists $options -flow] ? [dict get $options -flow] : "export"}]
    one_of export_design $stage {export syn impl}
    one_of export_design [dict get $options -format] {ip_catalog xo syn_dcp sysgen}
    puts "INFO: \[HLS 200-1510\] Running: export_design $args"
    record "$stage [dict remove $options -flow]"
    fail $stage
    if {!$::state(synthesised)} {refuse "export_design: run csynth_design first"}
    if {[failing $stage vivado]} {
        puts "ERROR: \[IMPL 213-28\] Failed to generate IP."
        error "export"
    }
    set folder [file join [place] impl]
    file mkdir [file join $folder report [dict get $options -rtl]]
    set ending [dict get {ip_catalog zip xo xo syn_dcp dcp sysgen zip} [dict get $options -format]]
    set file [open [file join $folder export.$ending] w]
    puts $file "stand-in"
    close $file
    if {$stage eq "impl"} {
        set file [open [file join $folder report [dict get $options -rtl] export_impl.xml] w]
        puts $file "<profile><RunData><RUN_TYPE>impl</RUN_TYPE><VIVADO_VERSION>[setting VERSION 2024.1]</VIVADO_VERSION>
</RunData><TimingReport><TargetClockPeriod>$::state(clock)</TargetClockPeriod><AchievedClockPeriod>6.5</AchievedClockPeriod>
<WNS_FINAL>1.5</WNS_FINAL><CP_ROUTE>6.5</CP_ROUTE><TIMING_MET>TRUE</TIMING_MET></TimingReport>
<AreaReport><Resources><BRAM>1</BRAM><DSP>2</DSP><FF>250</FF><LUT>350</LUT></Resources>
<AvailableResources><BRAM>280</BRAM><DSP>220</DSP><FF>106400</FF><LUT>53200</LUT></AvailableResources></AreaReport></profile>"
        close $file
    }
    puts "INFO: \[HLS 200-802\] Generated output file $folder/export.$ending"
}

# ---------------------------------------------------------------------------------------------------- programs

proc run_script {path} {
    if {![file exists $path]} {
        puts "ERROR: cannot read $path"
        exit 1
    }
    # a command that Vitis does not have must not be looked for elsewhere
    proc ::unknown {name args} {error "invalid command name \"$name\""}
    if {[catch {uplevel #0 [list source $path]} message]} {
        puts "ERROR: \[HLS 200-101\] $message"
        exit 1
    }
    puts "ERROR: the script has not ended with exit, and there is no one at the prompt"
    exit 1
}

# Read hls_config.cfg, every key of which has to be known.
proc run_config {path work stage} {
    set known {part clock clock_uncertainty flow_target syn.file syn.cflags syn.top syn.rtl.reset syn.rtl.reset_async
               syn.rtl.reset_level syn.dataflow.override_user_fifo_depth tb.file tb.cflags csim.O cosim.O cosim.rtl
               cosim.enable_fifo_sizing package.output.format package.output.syn package.ip.vendor package.ip.library
               package.ip.name package.ip.version package.ip.display_name package.ip.description package.ip.taxonomy
               vivado.flow vivado.rtl}
    set file [open $path]
    set section ""
    set given {}
    foreach line [split [read $file] \n] {
        set line [string trim [regsub {#.*} $line ""]]
        if {$line eq ""} continue
        if {[regexp {^\[(\w+)\]$} $line whole section]} continue
        if {![regexp {^([\w.]+)=(.+)$} $line whole key value] || $key ni $known} {refuse "$path: '$line' is unknown"}
        if {($key eq "part") != ($section eq "")} {refuse "$path: $key is in the wrong section"}
        dict lappend given $key $value
    }
    close $file
    set ::state(project) $work
    set ::state(solution) hls
    set ::state(sources) {}
    if {$stage ne "csynth" && [file exists [file join [place] state]]} {
        open_solution hls
        set ::state(sources) {}
        set ::state(bench) {}
    }
    set_part [lindex [dict get $given part] 0]
    set_top [lindex [dict get $given syn.top] 0]
    create_clock -period [lindex [dict get $given clock] 0]
    foreach path [dict get $given syn.file] {add_files -cflags [lindex [dict get $given syn.cflags] 0] $path}
    if {[dict exists $given tb.file] && $stage in {csim cosim}} {
        foreach path [dict get $given tb.file] {add_files -tb -cflags [lindex [dict get $given tb.cflags] 0] $path}
    }
    set rtl [lindex [dict get $given vivado.rtl] 0]
    switch $stage {
        csim {csim_design}
        csynth {csynth_design}
        cosim {cosim_design -O -rtl [lindex [dict get $given cosim.rtl] 0]}
        package {export_design -rtl $rtl -format [lindex [dict get $given package.output.format] 0]}
        impl {export_design -flow impl -rtl $rtl -format [lindex [dict get $given package.output.format] 0]}
    }
    puts "INFO: \[$::program 60-791\] Total elapsed time: 0h 0m 1s"
}

proc component {arguments} {
    lassign [parsed $::program {--mode 1 --config 1 --work_dir 1 --csim 0 --cosim 0 --package 0 --impl 0 -c 0} $arguments] options rest
    if {[llength $rest] || [dict get $options --mode] ne "hls"} {refuse "$::program: $arguments"}
    set verbs {}
    foreach verb {--csim --cosim --package --impl -c} {if {[dict exists $options $verb]} {lappend verbs $verb}}
    if {[llength $verbs] != 1 || ($::program eq "v++") != ($verbs eq "-c")} {refuse "$::program: $arguments"}
    set stage [expr {$verbs eq "-c" ? "csynth" : [string range $verbs 2 end]}]
    if {[catch {run_config [dict get $options --config] [dict get $options --work_dir] $stage} message]} {
        puts "ERROR: \[$::program 60-702\] Failed: $message"
        exit 1
    }
    exit 0
}

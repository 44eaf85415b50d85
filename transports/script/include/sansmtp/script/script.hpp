// Everything of the script transport.
#pragma once

#include "sansmtp/script/auditor.hpp"
#include "sansmtp/script/dialogue.hpp"
#include "sansmtp/script/ladder.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "sansmtp/script/memory_peer.hpp"
#include "sansmtp/script/mismatch.hpp"
#include "sansmtp/script/mode.hpp"
#include "sansmtp/script/parse.hpp"
#include "sansmtp/script/parse_error.hpp"
#include "sansmtp/script/play.hpp"
#include "sansmtp/script/recorder.hpp"
#include "sansmtp/script/scripted_server.hpp"
#include "sansmtp/script/transcript.hpp"

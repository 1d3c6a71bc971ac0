/*
 * The world in which the printed tables run: two nodes, their agents, VMMs, page servers and disks, a network, an
 * operator. What may go wrong is bounded by counts, which MIXES deals at the start; everything else is any order of anything.
 *
 * A word once said is in a set until it is lost: it may come late, twice and in any order. A word belongs to the life of
 * its sender and of its receiver (sKn, tKn: knows the other's present life); see `Words.late` in the agent.
 * v* = the record that a restarting agent reads, d* = what a power failure leaves of it.
 */
#ifndef QEMU_POSTCOPY
#define QEMU_POSTCOPY 0 /* QEMU moves the memory itself, behind the switch */
#endif
#ifndef STREAM_IS_ALL
#define STREAM_IS_ALL 0 /* the stream carries the whole memory (pre-copy) */
#endif

/* VMMs: at the source RUN MIG PRESW DEV POSTM DEAD, at the target NONE INC PAUSED RUN DEAD */
#define RUN 0
#define MIG 1
#define PRESW 2
#define DEV 3
#define POSTM 4
#define DEAD 5
#define NONE 6
#define INC 7
#define PAUSED 8
/* QEMU's own post-copy at the source: it serves pages, waits for another stream, has sent all */
#define SERVES 9
#define WAITS 10
#define SENT 11
/* the stream; and page servers */
#define NOT_YET 0
#define LIVE 1
#define BROKEN 2
#define DONE 3

byte stS = S_offered, stT = T_judging;
byte vS, dS, vT, dT;                /* records */
bit oldS, oldT;                     /* vX was written in an earlier boot of the node */
bit setS, setT, dsetS, dsetT;       /* … and is settled */
bit heldS = 1, heldT = 1;             /* the handoff holds the VM here */
bit ownS = 1, ownT;                 /* this node's records say that the VM is its own */
bit upS = 1, upT = 1, powS = 1, powT = 1, awayS, awayT;
bit sKn = 1, tKn = 1;
short nS, nSo, nT, nTo;             /* words on their way, of the sender's present life and of earlier ones */
byte qS = RUN, qT = NONE, strm, pgS, pgT;
bit coldS, coldT, tRan, pagesIn, memS = 1, resT = 1, fresh, saidNR, refused, toldS, toldT, calm, tAsked;
/* what the tables have asked for and is not done yet */
bit wrS, wrT; byte w1S, w2S, w1T, w2T;
bit pMig, pSwo, pBrb, pStp, pRspS, fgS, pPrp, pCnt, pRspT, pAsk, fgT;
bit fPgS, fVmS, fRamS, fLeftS, fStaysS, fResS, fRefS;
bit fPgT, fVmT, fDropT, fGainT, fLostT, fResT, fRelT, fLeftT;
/* how often each may go wrong: agents that crash, nodes that lose power, streams that break, words that are lost, writes
   that fail, VMMs that die, refused `cont`, page servers that die, handoffs given up by hand, operators who resolve while
   the other node has no power; and whether nodes may stay off for good, and whether the target may refuse */
byte crash, power, cut, loss, wf, vmd, ref, pgd, cancels, words;
bit forever, judge, many;

/* ---------- saying and hearing */
#define S_WCSAY(m) (sKn && !(nS & m))
#define T_WCSAY(m) (tKn && !(nT & m))
inline S_say(m) { if :: sKn -> nS = nS | m :: else -> skip fi }
inline T_say(m) {
  if :: m == MT_not_run -> saidNR = 1 :: m == MT_refuse -> refused = 1 :: else -> skip fi;
  if :: tKn -> nT = nT | m :: else -> skip fi
}
#ifdef PLANT_EARLIER_LIVES
#define S_HEARS(m) (upS && ((nT | nTo) & m))
#define T_HEARS(m) (upT && ((nS | nSo) & m))
#else
#define S_HEARS(m) (upS && ((nT & m) || ((nTo & m) && !sKn)))
#define T_HEARS(m) (upT && ((nS & m) || ((nSo & m) && !tKn)))
#endif
#ifdef PLANT_EARLIER_LIVES
inline S_drops() { skip }
inline T_drops() { skip }
#else
inline S_drops() { nTo = 0 }
inline T_drops() { nSo = 0 }
#endif
inline S_heard(m) { if :: (nT & m) -> sKn = 1; S_drops() :: else -> skip fi }
inline T_heard(m) { if :: (nS & m) -> tKn = 1; T_drops() :: else -> skip fi }
#define S_MAYLOSE(m) (!calm && loss > 0 && (nS & m))
#define T_MAYLOSE(m) (!calm && loss > 0 && (nT & m))
inline S_lose(m) { loss--; nS = nS & (~m) }
inline T_lose(m) { loss--; nT = nT & (~m) }

/* ---------- effects of the source */
inline S_write(r) {
  assert(r != R_preparing || !refused);      /* a refusal is no promise */
  assert(r != R_retaken || saidNR || !powT); /* nobody takes back what was not given up */
  if :: wrS && w1S != r -> w2S = r :: else -> wrS = 1; w1S = r; w2S = R_none fi
}
#define S_WC_write_again (!wrS)
inline S_do_write_again() { if :: !wrS -> wrS = 1; w1S = w2S; w2S = R_none :: else -> skip fi }
inline S_do_start_pages() { pStp = 1 }
inline S_do_restart_pages() { pRspS = 1 }
inline S_do_end_pages() { fPgS = 1 }
inline S_do_migrate() { pMig = 1 }
inline S_do_switch_over() { pSwo = 1 }
inline S_do_bring_back() { pBrb = 1 }
inline S_do_announce() { skip }
inline S_do_end_vmm() { fVmS = 1 }
inline S_do_free_ram() { fRamS = 1 }
inline S_do_clear_nonces() { skip }
inline S_do_start_deadline() { skip }
inline S_do_report_refused() { fRefS = 1 }
inline S_do_report_stays() { fStaysS = 1 }
inline S_do_report_left() { fLeftS = 1 }
inline S_do_report_resolved() { fResS = 1 }
inline S_do_forget() { fgS = 1 }
#define S_WC_restart_pages (!pRspS && pgS != LIVE)
#define S_WC_switch_over (!pSwo)
#define S_WC_bring_back (!pBrb)

/* ---------- effects of the target */
inline T_write(r) { if :: wrT && w1T != r -> w2T = r :: else -> wrT = 1; w1T = r; w2T = R_none fi }
#define T_WC_write_again (!wrT)
inline T_do_write_again() { if :: !wrT -> wrT = 1; w1T = w2T; w2T = R_none :: else -> skip fi }
inline T_do_prepare() { pPrp = 1 }
inline T_do_start_deadline() { skip }
inline T_do_stop_deadline() { skip }
inline T_do_cont() { pCnt = 1 }
inline T_do_announce() { skip }
inline T_do_ask_pages() { pAsk = 1 }
inline T_do_restart_pages() { pRspT = 1 }
inline T_do_end_pages() { fPgT = 1 }
inline T_do_end_vmm() { fVmT = 1 }
inline T_do_drop_vm() { fDropT = 1 }
inline T_do_release_reservation() { fRelT = 1 }
inline T_do_report_gained() { fGainT = 1 }
inline T_do_report_lost() { fLostT = 1 }
inline T_do_report_memory_lost() { assert(!pagesIn || tAsked) } /* no VM is ended for pages that it has */
inline T_do_report_resolved() { fResT = 1 }
inline T_do_report_left() { fLeftT = 1 }
inline T_do_report_healthy() { skip }
inline T_do_forget() { fgT = 1 }
#if QEMU_POSTCOPY
bit pPost, pRes, pReop, tOpen;
inline S_do_start_postcopy() { pPost = 1 }
inline S_do_look() { skip }
inline S_do_resume_stream() { pRes = 1 }
inline T_do_look() { skip }
inline T_do_reopen_stream() { pReop = 1 }
#define S_WC_look false
#define T_WC_look false
#define S_WC_resume_stream (!pRes)
#define T_WC_reopen_stream (!pReop)
#endif
#define T_WC_cont (!pCnt)
#define T_WC_restart_pages (!pRspT && pgT != LIVE)
#define T_WC_ask_pages (!pAsk)
#define T_WC_end_vmm (!fVmT && qT != DEAD)
#define S_FIN (fPgS || fVmS || fRamS || fLeftS || fStaysS || fResS || fRefS)
#define T_FIN (fPgT || fVmT || fDropT || fGainT || fLostT || fResT || fRelT || fLeftT)

/* ---------- a write that succeeded is on the disk */
#ifdef PLANT_NO_SYNC
#define SYNC_S skip
#define SYNC_T skip
#else
#define SYNC_S dS = w1S; dsetS = 0
#define SYNC_T dT = w1T; dsetT = 0
#endif

/* ---------- what must hold at any instant */
#define RUNS_S (qS==RUN || qS==MIG)
#define RUNS_T (qT==RUN)
inline check() {
  assert(!(RUNS_S && RUNS_T));               /* a VM runs on at most one node */
  assert(!(RUNS_S && !coldS && tRan));       /* no memory is resumed twice */
  assert(!(saidNR && RUNS_T))                /* `not-run` is final */
}
inline S_cold() { qS = RUN; toldS = 0; coldS = 1; check() }
inline T_cold() { qT = RUN; toldT = 0; coldT = 1; check() }

/* @tables */

/* ---------- life of a node */
#ifdef PLANT_EARLIER_LIVES
#define FORGETS_S nTo = nTo | nT; nT = 0
#define FORGETS_T nSo = nSo | nS; nS = 0
#else
#define FORGETS_S nT = 0; nTo = 0
#define FORGETS_T nS = 0; nSo = 0
#endif
inline S_dies() {
  upS = 0; sKn = 0; tKn = 0;
  nSo = nSo | nS; nS = 0; FORGETS_S;
  wrS = 0; w1S = 0; w2S = 0; heldS = 1; toldS = 0;
#if QEMU_POSTCOPY
  pPost = 0; pRes = 0;
#endif
  pMig = 0; pSwo = 0; pBrb = 0; pStp = 0; pRspS = 0; fgS = 0;
  fPgS = 0; fVmS = 0; fRamS = 0; fLeftS = 0; fStaysS = 0; fResS = 0; fRefS = 0
}
inline T_dies() {
  upT = 0; tKn = 0; sKn = 0;
  nTo = nTo | nT; nT = 0; FORGETS_T;
  wrT = 0; w1T = 0; w2T = 0; heldT = 1; toldT = 0; fresh = 0;
#if QEMU_POSTCOPY
  pReop = 0;
#endif
  pPrp = 0; pCnt = 0; pRspT = 0; pAsk = 0; fgT = 0;
  fPgT = 0; fVmT = 0; fDropT = 0; fGainT = 0; fLostT = 0; fResT = 0; fRelT = 0; fLeftT = 0
}

active proctype world() {
  atomic { MIXES; many = words > 1 };
  do
  S_HEARS_ALL
  T_HEARS_ALL
  S_LOSES_ALL
  T_LOSES_ALL
  /* each hears of the other's present life, by its reports or by a late word of it */
  :: atomic { upS && upT && !sKn && stS != S_gone -> sKn = 1; S_drops() }
  :: atomic { upS && upT && !tKn && stT != T_gone -> tKn = 1; T_drops() }
  :: atomic { upS && upT && !sKn && stS == S_gone && stT != T_gone -> sKn = 1; S_drops() }
  :: atomic { upS && upT && !tKn && stT == T_gone && stS != S_gone -> tKn = 1; T_drops() }

  /* time and people */
  :: atomic { upS && S_CAN_resend -> S_ev_resend() }
  :: atomic { upT && T_CAN_resend -> T_ev_resend() }
  :: atomic { upS && S_CAN_deadline -> S_ev_deadline() }
  :: atomic { upT && T_CAN_deadline -> T_ev_deadline() }
  :: atomic { !calm && cancels > 0 && upS && S_CAN_cancel -> cancels--; S_ev_cancel() }
  :: atomic { !calm && cancels > 0 && upT && T_CAN_cancel -> cancels--; T_ev_cancel() }
  :: atomic { words > 0 && upS && !powT && S_CAN_resolve -> words--; S_ev_resolve() }
  :: atomic { words > 0 && upT && !powS && T_CAN_resolve -> words--; tAsked = 1; T_ev_resolve() }
  :: atomic { upT && T_CAN_judged_yes -> T_ev_judged_yes() }
  :: atomic { !calm && judge && upT && T_CAN_judged_no -> T_ev_judged_no() }

  /* journals: one write after the other */
  :: atomic { upS && wrS && !S_FIN -> vS = w1S; oldS = 0; setS = 0; SYNC_S;
      if :: w2S != R_none -> w1S = w2S; w2S = R_none :: S_AWAITS(w1S) && w2S == R_none -> wrS = 0; w2S = w1S; S_ev_written() :: else -> wrS = 0; w2S = w1S fi }
  :: atomic { !calm && upS && wrS && !S_FIN && wf > 0 -> wf--;
      if :: skip :: vS = w1S; oldS = 0; setS = 0 :: vS = w1S; dS = w1S; oldS = 0; setS = 0; dsetS = 0 fi;
      if :: w2S != R_none -> w1S = w2S; w2S = R_none :: else -> wrS = 0; w2S = w1S; S_ev_write_failed() fi }
  :: atomic { upT && wrT && !T_FIN -> vT = w1T; oldT = 0; setT = 0; SYNC_T;
      if :: w2T != R_none -> w1T = w2T; w2T = R_none :: T_AWAITS(w1T) && w2T == R_none -> wrT = 0; w2T = w1T; T_ev_written() :: else -> wrT = 0; w2T = w1T fi }
  :: atomic { !calm && upT && wrT && !T_FIN && wf > 0 -> wf--;
      if :: skip :: vT = w1T; oldT = 0; setT = 0 :: vT = w1T; dT = w1T; oldT = 0; setT = 0; dsetT = 0 fi;
      if :: w2T != R_none -> w1T = w2T; w2T = R_none :: else -> wrT = 0; w2T = w1T; T_ev_write_failed() fi }
  :: atomic { upS && fgS && !S_FIN && !wrS -> fgS = 0; vS = R_none; dS = R_none; setS = 0; dsetS = 0; oldS = 0; heldS = 0 }
  :: atomic { upT && fgT && !T_FIN && !wrT -> fgT = 0; vT = R_none; dT = R_none; setT = 0; dsetT = 0; oldT = 0; heldT = 0 }

  /* page servers and pages */
  :: atomic { upS && pStp -> pStp = 0;
      if :: stS == S_connecting -> pgS = LIVE :: else -> skip fi }
  :: atomic { upS && stS == S_connecting && pgS == LIVE && pgT == LIVE && S_CAN_pages_up -> S_ev_pages_up() }
  :: atomic { upS && pRspS -> pRspS = 0; if :: memS || STREAM_IS_ALL || QEMU_POSTCOPY -> pgS = LIVE :: else -> skip fi }
  :: atomic { upT && pRspT -> pRspT = 0; pgT = LIVE }
  /* told once: whoever does not heed it then is not told again before its next start */
  :: atomic { upS && pgS == BROKEN -> pgS = DONE; S_ev_pages_exit() }
  :: atomic { upT && pgT == BROKEN -> pgT = DONE; T_ev_pages_exit() }
  :: atomic { !STREAM_IS_ALL && !QEMU_POSTCOPY && qT == RUN && !coldT && !pagesIn && memS && pgS == LIVE && pgT == LIVE -> pagesIn = 1 }
  :: atomic { upT && pagesIn && (pgT == LIVE || STREAM_IS_ALL || QEMU_POSTCOPY) && T_CAN_pages_complete -> T_ev_pages_complete() }
  :: atomic { upT && pAsk && (pgT == LIVE || STREAM_IS_ALL || QEMU_POSTCOPY) -> pAsk = 0;
      if :: pagesIn && T_CAN_pages_complete -> T_ev_pages_complete() :: !pagesIn -> T_ev_pages_lost() :: else -> skip fi }

  /* the source's VMM, and what its agent does with it */
#if QEMU_POSTCOPY
  :: atomic { upS && pMig -> pMig = 0;
      if :: stS == S_switching && qS == RUN ->
           qS = MIG; if :: qT == INC && pgS == LIVE && pgT == LIVE -> strm = LIVE :: else -> strm = BROKEN fi
         :: else -> skip fi }
  :: atomic { upS && pPost -> pPost = 0; if :: stS == S_stopping && qS == MIG && strm == LIVE -> qS = PRESW :: else -> skip fi }
  :: atomic { upS && pSwo -> pSwo = 0; if :: stS == S_committed && qS == PRESW -> qS = DEV :: else -> skip fi }
  /* what was not let go of can come back; in the middle of post-copy QEMU refuses for ever, and is ended */
  :: atomic { upS && pBrb && (stS == S_aborting || stS == S_retaking) && (qS == POSTM || qS == RUN || qS == DEAD || qS == SERVES || qS == WAITS || qS == SENT || strm == LIVE) ->
      if :: (qS == MIG || qS == PRESW || qS == DEV) && strm == LIVE -> strm = BROKEN
         :: qS == POSTM && qT != PAUSED -> pBrb = 0; qS = RUN; check(); S_ev_guest_runs()
         :: qS == POSTM && qT == PAUSED -> pBrb = 0                    /* the target's VMM has the disk's lock */
         :: !calm && qS == POSTM && ref > 0 -> ref--; pBrb = 0
         :: qS == RUN -> pBrb = 0; S_ev_guest_runs()
         :: (qS == SERVES || qS == WAITS || qS == SENT) -> pBrb = 0; qS = DEAD; toldS = 1; S_ev_vmm_exit()
         :: qS == DEAD -> pBrb = 0; S_ev_vmm_exit() fi }
  :: atomic { upS && pBrb && !(stS == S_aborting || stS == S_retaking) -> pBrb = 0 }
  :: atomic { qS == MIG && strm == LIVE -> qS = PRESW }                /* a guest so small that it is through already */
  :: atomic { qS == MIG && strm == BROKEN -> qS = RUN; check() }
  :: atomic { qS == PRESW && strm == BROKEN -> qS = POSTM }
  :: atomic { qS == DEV && strm == LIVE -> qS = SERVES }
  :: atomic { qS == DEV && strm == BROKEN -> if :: qS = POSTM :: qS = RUN; check() :: qS = WAITS fi }
  :: atomic { qS == SERVES && strm == BROKEN -> qS = WAITS }
  :: atomic { qS == SERVES && strm == LIVE && (qT == PAUSED || qT == RUN) && !coldT && pgS == LIVE && pgT == LIVE -> pagesIn = 1; qS = SENT; strm = DONE }
  :: atomic { upS && qS == PRESW && S_CAN_pre_switchover -> S_ev_pre_switchover() }
  :: atomic { upS && (qS == SERVES || qS == SENT) && S_CAN_serves -> S_ev_serves() }
  :: atomic { upS && qS == WAITS && tOpen && pgS == LIVE && pgT == LIVE && S_CAN_stream_paused -> S_ev_stream_paused() }
  :: atomic { upS && qS == WAITS && stS == S_committed && S_CAN_stream_paused -> S_ev_stream_paused() }
  :: atomic { upS && pRes -> pRes = 0;
      if :: qS == WAITS && tOpen && pgS == LIVE && pgT == LIVE && (qT == PAUSED || qT == RUN) -> strm = LIVE; qS = SERVES; tOpen = 0 :: else -> skip fi }
  :: atomic { upS && (qS == RUN || qS == POSTM) && strm == BROKEN && S_CAN_stream_failed && stS != S_offered -> S_ev_stream_failed() }
  :: atomic { upT && qT == INC && strm == LIVE && T_CAN_stream_begun -> T_ev_stream_begun() }
  :: atomic { upT && (qT == PAUSED || qT == RUN) && !coldT && strm == BROKEN && !tOpen && T_CAN_stream_paused -> T_ev_stream_paused() }
  :: atomic { upT && pReop -> pReop = 0;
      if :: (qT == PAUSED || qT == RUN) && strm == BROKEN -> tOpen = 1 :: else -> skip fi }
#else
  :: atomic { upS && pMig -> pMig = 0;
      if :: stS == S_switching && qS == RUN ->
           qS = MIG; if :: qT == INC && pgS == LIVE && pgT == LIVE -> strm = LIVE :: else -> strm = BROKEN fi
         :: else -> skip fi }
  :: atomic { upS && pSwo -> pSwo = 0;
      if :: (stS == S_switching || stS == S_switching_ready) && qS == PRESW -> qS = DEV :: else -> skip fi }
  :: atomic { upS && pBrb && (stS == S_aborting || stS == S_retaking) && (qS == POSTM || qS == RUN || qS == DEAD || strm == LIVE) ->
      if :: (qS == MIG || qS == PRESW || qS == DEV) && strm == LIVE -> strm = BROKEN
         :: qS == POSTM -> pBrb = 0; qS = RUN; check(); S_ev_guest_runs()
         :: !calm && qS == POSTM && ref > 0 -> ref--; pBrb = 0
         :: qS == RUN -> pBrb = 0; S_ev_guest_runs()
         :: qS == DEAD -> pBrb = 0; S_ev_vmm_exit() fi }
  :: atomic { upS && pBrb && !(stS == S_aborting || stS == S_retaking) -> pBrb = 0 }
  :: atomic { qS == MIG && strm == LIVE -> qS = PRESW }
  :: atomic { strm == BROKEN && (qS == MIG || qS == PRESW || qS == DEV) -> qS = RUN; check() }     /* resumes by itself */
  :: atomic { strm == BROKEN && qS == DEV && qT == PAUSED -> qS = POSTM }                            /* … or it had all been said */
  :: atomic { strm == LIVE && qS == DEV && qT == PAUSED -> qS = POSTM; strm = DONE }
  :: atomic { upS && qS == PRESW && S_CAN_pre_switchover -> S_ev_pre_switchover() }
  :: atomic { upS && qS == POSTM && S_CAN_postmigrate -> S_ev_postmigrate() }
  :: atomic { upS && qS == RUN && strm == BROKEN && (stS == S_switching || stS == S_switching_done || stS == S_switching_ready) && S_CAN_stream_failed -> S_ev_stream_failed() }
#endif
  :: atomic { upS && qS == DEAD && !toldS -> toldS = 1; S_ev_vmm_exit() }

  /* the target's */
  :: atomic { upT && pPrp -> pPrp = 0;
      if :: stT == T_accepted -> qT = INC; pgT = LIVE; fresh = 1 :: else -> skip fi }
  :: atomic { upT && qT == INC && T_CAN_prepared -> T_ev_prepared() }
  :: atomic { strm == LIVE && (qS == DEV || qS == SERVES) && qT == INC -> qT = PAUSED; if :: STREAM_IS_ALL -> pagesIn = 1 :: else -> skip fi }
  :: atomic { strm == BROKEN && qT == INC -> qT = DEAD }
  :: atomic { upT && qT == PAUSED && T_CAN_loaded -> T_ev_loaded() }
  :: atomic { upT && qT == DEAD && !toldT -> toldT = 1; T_ev_vmm_exit() }
  :: atomic { upT && pCnt -> pCnt = 0;
      if :: stT == T_owner && qT == PAUSED -> qT = RUN; tRan = 1; check(); T_ev_cont_ok()
         :: !calm && stT == T_owner && qT == PAUSED && ref > 0 -> ref--;
            if :: fresh -> T_ev_cont_refused_never_ran() :: else -> T_ev_cont_refused() fi
         :: stT == T_owner && qT == RUN -> T_ev_cont_ok()
         :: stT == T_owner && (qT == DEAD || qT == NONE) -> T_ev_vmm_exit()
         :: stT != T_owner -> skip fi }

  /* what is done when it is over on a side, in the order in which the agent does it; a crash before leaves it undone */
  :: atomic { upS && S_FIN ->
      if :: fPgS -> pgS = NOT_YET :: else -> skip fi;
      if :: fVmS && !(fResS && coldS && RUNS_S) -> qS = DEAD :: else -> skip fi;
      /* memory that a living target still needs is not let go of */
      if :: fRamS -> assert(pagesIn || !memS || !RUNS_T || coldT); memS = 0 :: else -> skip fi;
      if :: fLeftS -> ownS = 0 :: else -> skip fi;
      if :: fLeftS || fStaysS || fResS || fRefS -> heldS = 0; if :: vS != R_none -> setS = 1; dsetS = 1; dS = vS; oldS = 0 :: else -> skip fi :: else -> skip fi;
      if :: (fStaysS || fResS || fRefS) && ownS && qS == DEAD -> S_cold() :: else -> skip fi;
      fPgS = 0; fVmS = 0; fRamS = 0; fLeftS = 0; fStaysS = 0; fResS = 0; fRefS = 0 }
  :: atomic { upT && T_FIN ->
      if :: fGainT || fLostT -> ownT = 1 :: else -> skip fi;
      if :: fPgT -> pgT = NOT_YET :: else -> skip fi;
      if :: (fVmT || fDropT) && qT != NONE && !(fResT && coldT && RUNS_T) -> qT = DEAD :: else -> skip fi;
      if :: fLeftT -> ownT = 0 :: else -> skip fi;
      if :: fResT -> ownT = 1 :: else -> skip fi;
      if :: fRelT -> resT = 0; heldT = 0; if :: vT != R_none -> setT = 1; dsetT = 1; dT = vT; oldT = 0 :: else -> skip fi :: else -> skip fi;
      if :: (fRelT || fResT) && ownT && (qT == DEAD || qT == NONE) -> T_cold() :: else -> skip fi;
      fPgT = 0; fVmT = 0; fDropT = 0; fGainT = 0; fLostT = 0; fResT = 0; fRelT = 0; fLeftT = 0 }
  /* a VM that no handoff holds is its node's own to start again */
  :: atomic { upS && ownS && !heldS && qS == DEAD -> S_cold() }
  :: atomic { upT && ownT && !heldT && (qT == DEAD || qT == NONE) -> T_cold() }

  /* faults */
  :: atomic { !calm && crash > 0 && upS -> crash--; S_dies() }
  :: atomic { !calm && crash > 0 && upT -> crash--; T_dies() }
  :: atomic { !upS && powS -> upS = 1; dS = vS; dsetS = setS;
      if :: vS == R_none -> stS = S_gone; heldS = 0
         :: vS != R_none && setS && !(oldS && ownS && S_HOLDS(vS)) -> heldS = 0; S_talk(); w2S = vS
         :: else -> w2S = vS; S_recover() fi }
  :: atomic { !upT && powT -> upT = 1; dT = vT; dsetT = setT;
      if :: vT == R_none -> stT = T_gone; heldT = 0; resT = 0; if :: qT != NONE && !ownT -> qT = DEAD :: else -> skip fi
         :: vT != R_none && setT && !(oldT && ownT && T_HOLDS(vT)) -> heldT = 0; resT = 0; T_talk(); w2T = vT
         :: else -> w2T = vT; T_recover() fi }
  :: atomic { !calm && power > 0 && powS -> power--; S_dies(); powS = 0; if :: forever -> awayS = 1 :: skip fi;
      vS = dS; setS = dsetS; oldS = (vS != R_none); qS = DEAD; memS = 0; pgS = NOT_YET;
      if :: strm == LIVE -> strm = BROKEN :: else -> skip fi }
  :: atomic { !calm && power > 0 && powT -> power--; T_dies(); powT = 0; if :: forever -> awayT = 1 :: skip fi;
      vT = dT; setT = dsetT; oldT = (vT != R_none); pgT = NOT_YET;
      if :: vT != R_none -> qT = DEAD :: else -> qT = NONE fi;
      if :: strm == LIVE -> strm = BROKEN :: else -> skip fi }
  :: atomic { !powS && !awayS -> powS = 1 }
  :: atomic { !powT && !awayT -> powT = 1 }
  :: atomic { !calm && cut > 0 && strm == LIVE -> cut--; strm = BROKEN }
  :: atomic { !calm && vmd > 0 && qS != DEAD -> vmd--; qS = DEAD; if :: QEMU_POSTCOPY -> memS = 0 :: else -> skip fi; if :: strm == LIVE || strm == NOT_YET -> strm = BROKEN :: else -> skip fi }
  :: atomic { !calm && vmd > 0 && qT != DEAD && qT != NONE -> vmd--; qT = DEAD; if :: strm == LIVE -> strm = BROKEN :: else -> skip fi }
  :: atomic { !calm && pgd > 0 && pgS == LIVE -> pgd--; pgS = BROKEN; if :: strm == LIVE -> strm = BROKEN :: else -> skip fi }
  :: atomic { !calm && pgd > 0 && pgT == LIVE -> pgd--; pgT = BROKEN; if :: strm == LIVE -> strm = BROKEN :: else -> skip fi }
  /* from here on nothing more goes wrong */
  :: atomic { !calm -> calm = 1; crash = 0; power = 0; cut = 0; loss = 0; wf = 0; vmd = 0; ref = 0; pgd = 0; cancels = 0 }
  :: timeout -> break
  od;

  /* nothing moves any more, and nothing more goes wrong */
  if
  :: powS && powT ->
     if
     :: stS == S_returned_resolved && stT == T_returned_resolved -> assert(many)  /* the next word is an operator's */
     :: else ->
        assert(stS == S_gone && stT == T_gone);              /* every end is final, and acknowledged */
        assert(vS == R_none && vT == R_none);
        assert(RUNS_S != RUNS_T);                            /* exactly one runs it */
        assert(ownS != ownT && ownS == RUNS_S);              /* and knows that it does */
        assert(!resT)                                        /* no reservation is left */
     fi
  :: !powS && powT -> assert(T_DOUBT || RUNS_T || stT == T_gone || !ownT)   /* whoever waits is seen to wait */
  :: powS && !powT -> assert(S_DOUBT || RUNS_S || !ownS)
  :: else -> skip
  fi
}
